"""Labelled videos for one training step, and where they come from."""

from dataclasses import dataclass
from typing import Protocol

import torch


@dataclass(frozen=True)
class LabelledBatch:
    """Row i of every field belongs to video i. Either frame_embeddings or pixels is set.

    mask: (videos, frames) bool, True for real frames; every row has at least one
    labels: (videos, labels) bool, True where a label holds: several may, or none
    frame_embeddings: (videos, frames, dim), not normalised, or
        pixels: (videos, frames, 3, height, width) uint8, of the model's input size
    arguable: bool like labels, or None: where a label is neither right nor wrong
    """

    mask: torch.Tensor
    labels: torch.Tensor
    frame_embeddings: torch.Tensor | None = None
    pixels: torch.Tensor | None = None
    arguable: torch.Tensor | None = None

    def __post_init__(self) -> None:
        """Raises ValueError when frames are missing or labels are no truth values."""
        if (self.frame_embeddings is None) == (self.pixels is None):
            raise ValueError("a batch needs either frame_embeddings or pixels")
        if self.labels.dtype != torch.bool or self.labels.ndim != 2:
            raise ValueError("labels must be a bool matrix (videos, labels)")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def frames(self) -> torch.Tensor:
        """Pixels or frame embeddings, whichever there are."""
        given = self.pixels if self.pixels is not None else self.frame_embeddings
        assert given is not None  # noqa: S101 - __post_init__ has seen to it
        return given


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
