"""Tags: which labels hold of which segments, as the model finds and as people correct it."""
