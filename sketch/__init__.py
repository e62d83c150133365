"""Sketches: a picture goes in, a few Bézier strokes come out."""
