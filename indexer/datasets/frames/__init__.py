"""Frames of data sets' clips: kept on the disk, given out in batches, and scored."""
