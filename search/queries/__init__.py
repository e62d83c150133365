"""What somebody asks, as values. No SQL, no torch."""
