"""Readers of data sets whose clips have labels, one module for each, and of your own lists."""

from indexer.datasets.actions.loading import load_action_training, load_actions

__all__ = ["load_action_training", "load_actions"]
