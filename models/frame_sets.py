"""Frame embeddings with their mask: checks, padding, pooling and scaling, for all heads."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from models.errors import KinodexError

# Enough rows for a mean and a deviation to three digits; more would only cost memory.
_ROWS_TO_FIT = 100_000


class EmptyVideo(KinodexError, ValueError):
    """Videos of which no frame is valid; they have no embedding. `rows`: places in the batch."""

    def __init__(self, rows: list[int]) -> None:
        self.rows = rows
        named = ", ".join(map(str, rows[:8])) + (", …" if len(rows) > 8 else "")
        which = (
            f"the video in row {named} has"
            if len(rows) == 1
            else f"the videos in rows {named} have"
        )
        super().__init__(f"{which} no valid frame: leave videos out that could not be decoded")


def check_mask(frames: torch.Tensor, mask: torch.Tensor) -> None:
    """Raises EmptyVideo for videos without a valid frame, ValueError for a mask that does not fit.

    frames: (videos, frames, …); mask: bool (videos, frames)
    """
    if mask.dtype != torch.bool or mask.shape != frames.shape[:2]:
        raise ValueError(
            f"frames of shape {tuple(frames.shape)} need a boolean mask of shape "
            f"{tuple(frames.shape[:2])}, not {mask.dtype} {tuple(mask.shape)}"
        )
    present = mask.any(dim=1)
    if not present.all():
        raise EmptyVideo(torch.nonzero(~present).flatten().tolist())


def without_padding(frame_embeddings: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The same frames as float32 or wider, with zeros where the mask says padding.

    Padding may hold anything, even NaN: neither values nor gradients come through.

    frame_embeddings: (videos, frames, dim); mask: bool (videos, frames)

    Raises EmptyVideo, and ValueError for a mask of another shape or type.
    """
    check_mask(frame_embeddings, mask)
    return at_least_float32(frame_embeddings).masked_fill(~mask.unsqueeze(-1), 0.0)


def at_least_float32(embeddings: torch.Tensor) -> torch.Tensor:
    """Half precision (as stored) widened; everything else as it is."""
    return embeddings.to(torch.promote_types(embeddings.dtype, torch.float32))


def unit_mean(frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The unit vector along the mean of the unit frames: (videos, frames, dim) → (videos, dim).

    The number of frames need not be divided by, as the result is scaled anyway. A valid frame
    of zeros has no direction and adds nothing.
    """
    lengths = frames.norm(dim=-1)
    weights = torch.where(mask & (lengths > 0), lengths, torch.inf).reciprocal()
    # Mixed precision would multiply in half precision here, for no gain in time.
    with torch.autocast(frames.device.type, enabled=False):
        total = torch.bmm(weights.unsqueeze(1), frames.to(weights.dtype)).squeeze(1)
    return F.normalize(total, dim=1)


def mean_direction(frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The unit vector along the mean of the frames as they are, (videos, dim).

    frames: (videos, frames, dim), finite everywhere; mask: bool (videos, frames)
    """
    with torch.autocast(frames.device.type, enabled=False):
        total = torch.bmm(mask.unsqueeze(1).to(frames.dtype), frames).squeeze(1)
    total = at_least_float32(total)
    length = total.norm(dim=1, keepdim=True)
    # A mean of zeros has no direction; divided by its length its gradient would be without bounds.
    return total / torch.where(length > 0, length, torch.inf)


class Standardisation(nn.Module):
    """Embeddings brought to mean 0 and deviation 1, channel by channel.

    CLIP models differ in the natural scale of their embeddings by more than a factor of ten;
    so scaled, one learning rate serves them all. As it is made, it changes nothing.
    """

    mean: torch.Tensor
    deviation: torch.Tensor
    scale: torch.Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("deviation", torch.ones(dim))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """(…, dim) → the same shape."""
        return (embeddings - self.mean) / self.deviation

    @torch.no_grad()
    def fit(self, embeddings: torch.Tensor, mask: torch.Tensor | None = None) -> None:
        """Takes mean and deviation from rows (count, dim), or frames (videos, frames, dim) + mask.

        `scale` becomes the mean deviation. A channel that hardly varies is not blown up: its
        deviation counts as at least a hundredth of the mean one.

        Raises ValueError when all rows are alike.
        """
        rows = _spread_rows(embeddings, mask)
        deviation, mean = torch.std_mean(rows, dim=0, correction=0)
        scale = deviation.mean()
        if not scale > 0:
            raise ValueError("embeddings that are all alike have no scale: give several clips")
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.clamp_min(0.01 * scale))
        self.scale.copy_(scale)


def _spread_rows(embeddings: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Evenly spaced valid rows in float32, not more than are needed."""
    if mask is None:
        return embeddings[:: -(-len(embeddings) // _ROWS_TO_FIT)].float()
    places = mask.nonzero()
    places = places[:: max(1, -(-len(places) // _ROWS_TO_FIT))]
    return embeddings[places[:, 0], places[:, 1]].float()


def padded(sequences: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences side by side: float32 (batch, longest, dim), and the mask of real frames."""
    lengths = [len(sequence) for sequence in sequences]
    frames = torch.zeros(len(sequences), max(lengths), sequences[0].shape[1])
    for row, sequence in zip(frames, sequences, strict=True):
        row[: len(sequence)] = torch.from_numpy(sequence)
    mask = torch.arange(frames.shape[1]) < torch.tensor(lengths).unsqueeze(1)
    return frames, mask
