"""Clips with labels to train on and to measure with: published data sets, and your own lists."""

from indexer.datasets.actions.loading import load_action_training, load_actions

__all__ = ["load_action_training", "load_actions"]
