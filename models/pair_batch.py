"""Pairs of text and video for one training step, and where they come from."""

from dataclasses import dataclass
from typing import Protocol

import torch

from models.video_batch import VideoBatch


@dataclass(frozen=True, kw_only=True)
class PairBatch(VideoBatch):
    """Row i of every field belongs to pair i. Either token_ids or text_embeddings is set.

    video_ids: (pairs,) int64; equal numbers mean the same video, whose texts are all right
    token_ids: (pairs, context) int64, or text_embeddings: (pairs, dim), not normalised
    ignored: (pairs, pairs) bool or None: where text i and video j are neither right nor wrong
    """

    video_ids: torch.Tensor
    token_ids: torch.Tensor | None = None
    text_embeddings: torch.Tensor | None = None
    ignored: torch.Tensor | None = None

    def __post_init__(self) -> None:
        """Raises ValueError when texts or frames are missing or there twice."""
        super().__post_init__()
        if (self.token_ids is None) == (self.text_embeddings is None):
            raise ValueError("a batch needs either token_ids or text_embeddings")

    @property
    def texts(self) -> torch.Tensor:
        """Token ids or text embeddings, whichever there are."""
        given = self.token_ids if self.token_ids is not None else self.text_embeddings
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
