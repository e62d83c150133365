"""Pairs of text and video for one training step, and where they come from."""

from dataclasses import dataclass
from typing import Protocol

import torch


@dataclass(frozen=True)
class PairBatch:
    """Row i of every field belongs to pair i. Exactly one field of each of the two groups is set.

    token_ids: (pairs, context) int64, or text_embeddings: (pairs, dim), not normalised
    frame_embeddings: (pairs, frames, dim), not normalised, or
        pixels: (pairs, frames, 3, height, width) uint8, of the model's input size
    mask: (pairs, frames) bool, True for real frames; every row has at least one
    video_ids: (pairs,) int64; equal numbers mean the same video, whose texts are all right
    ignored: (pairs, pairs) bool or None: where text i and video j are neither right nor wrong
    """

    mask: torch.Tensor
    video_ids: torch.Tensor
    token_ids: torch.Tensor | None = None
    text_embeddings: torch.Tensor | None = None
    frame_embeddings: torch.Tensor | None = None
    pixels: torch.Tensor | None = None
    ignored: torch.Tensor | None = None

    def __post_init__(self) -> None:
        """Raises ValueError when a group has not exactly one field."""
        if (self.token_ids is None) == (self.text_embeddings is None):
            raise ValueError("a batch needs either token_ids or text_embeddings")
        if (self.frame_embeddings is None) == (self.pixels is None):
            raise ValueError("a batch needs either frame_embeddings or pixels")

    def __len__(self) -> int:
        return len(self.video_ids)

    @property
    def texts(self) -> torch.Tensor:
        """Token ids or text embeddings, whichever there are."""
        given = self.token_ids if self.token_ids is not None else self.text_embeddings
        assert given is not None  # noqa: S101 - __post_init__ has seen to it
        return given

    @property
    def frames(self) -> torch.Tensor:
        """Pixels or frame embeddings, whichever there are."""
        given = self.pixels if self.pixels is not None else self.frame_embeddings
        assert given is not None  # noqa: S101 - __post_init__ has seen to it
        return given


class BatchSource(Protocol):
    """Gives the pairs of every step."""

    steps_per_epoch: int

    def batch(self, step: int) -> PairBatch:
        """The pairs of a step, counted from 0.

        It must depend on nothing but `step`: a run that was cut off then sees the same pairs.
        Where several processes train together, each asks for the whole batch and encodes its
        share of it.
        """
        ...
