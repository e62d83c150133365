"""Judges of sketches that need no network."""
