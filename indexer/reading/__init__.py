"""From a file to frames and segments. Knows no library and no model."""
