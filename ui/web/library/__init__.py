"""The Library view."""
