"""The Tags view."""
