"""Encoding clips with a picture tower: each frame for itself, or with its neighbours in time."""

from typing import Any

import torch

from models.clip.patches import FramesOfClips, reach_of
from models.frame_sets import check_mask
from models.towers.temporal_shift import TemporalShift


def encode_clips(visual: Any, pixels: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Frame embeddings of clips, (clips, frames, dim), un-normalised, with zeros for padding.

    Only valid frames are worked out. Any picture tower will do; one that went through
    `use_3d_patches` or `temporal_shift.use_temporal_shift` sees each frame with its neighbours.

    pixels: (clips, frames, 3, height, width), normalised as the model wants; padding may hold
        anything
    mask: bool (clips, frames)

    Raises EmptyVideo.
    """
    check_mask(pixels, mask)
    # A ViT hands its input to the patch projection as it is, so clips get there in one piece.
    reach = reach_of(visual)
    pictures = FramesOfClips(pixels[mask], _places(mask, reach)) if reach else pixels[mask]
    shift: TemporalShift | None = getattr(visual, "temporal_shift", None)
    encoded = visual(pictures) if shift is None else shift.encode(visual, pictures, mask)
    embeddings: torch.Tensor = encoded.new_zeros(*mask.shape, encoded.shape[1])
    embeddings[mask] = encoded
    return embeddings


def _places(mask: torch.Tensor, reach: int) -> torch.Tensor:
    """Places of the valid frames in a row of all clips with `reach` places between them."""
    clips, frames = mask.nonzero(as_tuple=True)
    return clips * (mask.shape[1] + reach) + frames
