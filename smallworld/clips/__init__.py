"""Clips of the small world: what moves in them and how, and their video files."""
