"""`kinodex evaluate`."""
