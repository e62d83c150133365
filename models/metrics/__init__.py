"""Ranks, accuracies."""
