"""Readers of caption data sets."""
