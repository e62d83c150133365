"""Labels on segments: model and people."""
