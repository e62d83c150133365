"""Distilled models beside their teachers: what they still find, how fast, what they take."""
