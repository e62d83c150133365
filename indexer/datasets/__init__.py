"""Data sets to train on and to measure with: clips with captions or labels, also your own lists."""
