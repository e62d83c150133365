"""Sketches as files: SVG, PNG, films and contact sheets."""
