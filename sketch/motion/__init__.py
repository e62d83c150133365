"""Strokes that follow."""
