"""Labelled videos for one training step, and where they come from."""

from dataclasses import dataclass
from typing import Protocol

import torch

from models.video_batch import VideoBatch


@dataclass(frozen=True, kw_only=True)
class LabelledBatch(VideoBatch):
    """Row i of every field belongs to video i.

    labels: (videos, labels) bool, True where a label holds: several may, or none
    arguable: bool like labels, or None: where a label is neither right nor wrong
    """

    labels: torch.Tensor
    arguable: torch.Tensor | None = None

    def __post_init__(self) -> None:
        """Raises ValueError when frames are missing or labels are no truth values."""
        super().__post_init__()
        if self.labels.dtype != torch.bool or self.labels.ndim != 2:
            raise ValueError("labels must be a bool matrix (videos, labels)")


class LabelledSource(Protocol):
    """Gives the labelled videos of every step."""

    steps_per_epoch: int

    def batch(self, step: int) -> LabelledBatch:
        """The videos of a step, counted from 0.

        It must depend on nothing but `step`: a run that was cut off then sees the same videos.
        Where several processes train together, each asks for the whole batch and encodes its
        share of it.
        """
        ...
