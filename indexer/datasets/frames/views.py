"""Looks at a clip: the centre of each frame, or three crops of it, and the views these make up.

Published figures of actions are those of the centre: the shorter side is scaled to 256 pixels, and
224 are cut out. "10 x 3" are means over ten samplings in time and three crops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

from indexer.reading.sampling import SegmentSampling
from models.clip.preprocess import Preprocessing

CROPS = 3
# How much larger than the model's pictures those are that crops are cut from, as is usual.
_MARGIN = 256 / 224


def with_margin(size: Sequence[int]) -> tuple[int, int]:
    """(height, width) of the pictures that crops of this size are cut out of."""
    height, width = (round(side * _MARGIN) for side in size)
    return height, width


def centre_crop(frames: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """The middle of each frame, scaled to a size `with_margin`.

    frames: uint8, shape (count, height, width, 3)
    returns: uint8, shape (count, *preprocessing.size, 3)
    """
    larger = replace(preprocessing, size=with_margin(preprocessing.size)).fit(frames)
    height, width = preprocessing.size
    top, left = (larger.shape[1] - height) // 2, (larger.shape[2] - width) // 2
    return larger[:, top : top + height, left : left + width]


def three_crops(frames: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """From each frame the left, middle and right crop; top, middle, bottom of upright ones.

    frames: uint8, shape (count, height, width, 3)
    returns: uint8, shape (count * 3, *preprocessing.size, 3), the crops of a frame side by side
    """
    pictures = torch.from_numpy(frames).permute(0, 3, 1, 2)
    (height, width), wanted = pictures.shape[-2:], with_margin(preprocessing.size)
    scale = max(wanted[0] / height, wanted[1] / width)
    resized = F.resize(
        pictures,
        [max(wanted[0], round(height * scale)), max(wanted[1], round(width * scale))],
        interpolation=InterpolationMode(preprocessing.interpolation),
        antialias=True,
    )
    crops = [
        F.crop(resized, top, left, *preprocessing.size)
        for top, left in _corners(resized.shape[-2:], preprocessing.size)
    ]
    return torch.stack(crops, dim=1).flatten(0, 1).permute(0, 2, 3, 1).contiguous().numpy()


def by_view(stored: torch.Tensor, sampling: SegmentSampling, *, crops: int = 1) -> torch.Tensor:
    """What the cache holds of some clips, view by view.

    stored: (clips, frames * crops, ...) of `FrameCache.of_crops`, or without crops
    returns: (clips, shifts * crops, segments, ...); views of the same shift side by side
    """
    frames = stored.unflatten(1, (sampling.segments, sampling.shifts, crops))
    return frames.movedim(1, 3).flatten(1, 2)


def _corners(picture: Sequence[int], crop: Sequence[int]) -> list[tuple[int, int]]:
    """Top and left of the three crops, along the side with more room."""
    room = [whole - part for whole, part in zip(picture, crop, strict=True)]
    middle = room[0] // 2, room[1] // 2
    if room[0] > room[1]:
        return [(0, middle[1]), middle, (room[0], middle[1])]
    return [(middle[0], 0), middle, (middle[0], room[1])]
