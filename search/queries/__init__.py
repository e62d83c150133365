"""What somebody asks, as values: the query language, its terms and options. No SQL and no torch."""
