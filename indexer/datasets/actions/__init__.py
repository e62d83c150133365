"""Readers of data sets whose clips have labels, one module for each, and of your own lists."""
