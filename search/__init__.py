"""What a library stores, and how it is found again."""
