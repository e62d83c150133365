"""Videos come in: files are found, read, cut into segments, encoded and written to the catalog."""
