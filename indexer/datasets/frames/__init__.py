"""Frames of clips on the disk, batches and scores from them."""
