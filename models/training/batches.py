"""Videos for one training step, with their texts or labels, and where they come from."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch


@dataclass(frozen=True, kw_only=True)
class VideoBatch:
    """Frames as the picture tower wants them, or as it has seen them: exactly one is set.

    mask: (videos, frames) bool, True for real frames; every row has at least one
    frame_embeddings: (videos, frames, dim), not normalised, or
        pixels: (videos, frames, 3, height, width) uint8, of the model's input size
    """

    mask: torch.Tensor
    frame_embeddings: torch.Tensor | None = None
    pixels: torch.Tensor | None = None

    def __post_init__(self) -> None:
        """Raises ValueError when frames are missing or there twice."""
        _only_one(frame_embeddings=self.frame_embeddings, pixels=self.pixels)

    def __len__(self) -> int:
        return len(self.mask)

    @property
    def frames(self) -> torch.Tensor:
        """Pixels or frame embeddings, whichever there are."""
        return _only_one(frame_embeddings=self.frame_embeddings, pixels=self.pixels)


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
        _only_one(token_ids=self.token_ids, text_embeddings=self.text_embeddings)

    @property
    def texts(self) -> torch.Tensor:
        """Token ids or text embeddings, whichever there are."""
        return _only_one(token_ids=self.token_ids, text_embeddings=self.text_embeddings)


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


Batch_co = TypeVar("Batch_co", bound=VideoBatch, covariant=True)


class BatchSource(Protocol[Batch_co]):
    """Gives the pairs, or the labelled videos, of every step."""

    steps_per_epoch: int

    def batch(self, step: int) -> Batch_co:
        """What is learnt from in a step, counted from 0.

        It must depend on nothing but `step`: a run that was cut off then sees the same batches.
        Where several processes train together, each asks for the whole batch and encodes its
        share of it.
        """
        ...


def _only_one(**alternatives: torch.Tensor | None) -> torch.Tensor:
    given = [tensor for tensor in alternatives.values() if tensor is not None]
    if len(given) != 1:
        raise ValueError(f"a batch needs either {' or '.join(alternatives)}")
    return given[0]
