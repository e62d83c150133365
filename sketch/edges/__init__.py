"""What is worth a stroke."""
