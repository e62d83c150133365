"""Animated sketches: strokes that follow what they depict through the frames of a segment."""
