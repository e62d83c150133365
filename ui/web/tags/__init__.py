"""The Tags view: labels with their segments, corrections, and the vocabulary."""
