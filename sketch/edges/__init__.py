"""Edges of a picture: which lines are worth a stroke, and the strokes laid along them."""
