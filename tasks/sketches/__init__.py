"""Sketches of a library's segments: drawing, storing, exporting and animating them."""
