"""Captioned clips to train on and to measure with: published datasets, and your own lists."""

from indexer.datasets.captions.loading import load_dataset, load_training_data
from indexer.datasets.clips import CaptionedClip, ClipWindow, Dataset, DatasetError

__all__ = [
    "CaptionedClip",
    "ClipWindow",
    "Dataset",
    "DatasetError",
    "load_dataset",
    "load_training_data",
]
