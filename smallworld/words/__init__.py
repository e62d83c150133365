"""Captions and what they claim."""
