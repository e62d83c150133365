"""Data sets to train on and to measure with: clips with captions or labels, also your own lists."""

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
