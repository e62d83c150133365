"""The frames of some videos, as a training step gets them."""

from dataclasses import dataclass

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
        if (self.frame_embeddings is None) == (self.pixels is None):
            raise ValueError("a batch needs either frame_embeddings or pixels")

    def __len__(self) -> int:
        return len(self.mask)

    @property
    def frames(self) -> torch.Tensor:
        """Pixels or frame embeddings, whichever there are."""
        given = self.pixels if self.pixels is not None else self.frame_embeddings
        assert given is not None  # noqa: S101 - __post_init__ has seen to it
        return given
