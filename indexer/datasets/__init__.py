"""Captioned clips to train on and to measure with: published datasets, and your own lists."""

from indexer.datasets.clips import CaptionedClip, ClipWindow, Dataset, DatasetError
from indexer.datasets.loading import load_dataset, load_training_data

__all__ = [
    "CaptionedClip",
    "ClipWindow",
    "Dataset",
    "DatasetError",
    "load_dataset",
    "load_training_data",
]
