"""Training of heads and towers on data sets, as `kinodex train` does it."""
