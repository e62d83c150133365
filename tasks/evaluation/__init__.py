"""Measuring retrieval, actions and sketches on data sets, as `kinodex evaluate` does it."""
