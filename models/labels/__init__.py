"""Labels in words, and what becomes of cosines."""
