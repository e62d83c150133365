"""From a file to its frames and segments, without any library or model."""
