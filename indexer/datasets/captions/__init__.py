"""Readers of data sets whose clips have captions, one module for each."""
