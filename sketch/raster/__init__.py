"""Strokes to pixels, with gradients."""
