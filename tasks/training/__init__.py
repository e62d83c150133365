"""`kinodex train`."""
