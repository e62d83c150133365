"""Whole frames of any shape in rows of one: what random crops are cut out of in training.

Crops at the corners of a wide picture show what its middle square does not, and the recipe of
temporal segment networks (Wang et al., arXiv 1608.00859, section 3.3) takes them there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

from indexer.datasets.frames.views import with_margin
from models.clip.preprocess import Preprocessing

# Wider than most videos; of wider ones the ends are cut off.
_WIDEST = 16 / 9


@dataclass(frozen=True)
class Canvas:
    """A row that holds a frame of any shape, lying on its side if it is upright.

    short, long: sides in pixels
    """

    short: int
    long: int

    @classmethod
    def of(cls, preprocessing: Preprocessing) -> Canvas:
        """For frames whose shorter side is as long as that of pictures `with_margin`."""
        short = max(with_margin(preprocessing.size))
        return cls(short, round(short * _WIDEST))

    @property
    def row_shape(self) -> tuple[int, int, int]:
        """Of a stored frame."""
        return (3, self.short, self.long)

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) that a frame of this size has here."""
        longer = min(self.long, self._scaled(height, width))
        return (self.short, longer) if height <= width else (longer, self.short)

    def stored(self, frames: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
        """uint8 frames (count, height, width, 3) → rows (count, *row_shape), zeros behind them."""
        height, width = frames.shape[1:3]
        longer = self._scaled(height, width)
        size = (self.short, longer) if height <= width else (longer, self.short)
        scaled = F.resize(
            torch.from_numpy(frames).permute(0, 3, 1, 2),
            list(size),
            interpolation=InterpolationMode(preprocessing.interpolation),
            antialias=True,
        )
        cut = F.center_crop(scaled, list(self.size_of(height, width)))
        lying = cut if height <= width else cut.mT
        rows = np.zeros((len(frames), *self.row_shape), np.uint8)
        rows[..., : lying.shape[-1]] = lying.numpy()
        return rows

    @staticmethod
    def taken_off(rows: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Stored rows → frames (count, 3, *size)."""
        height, width = size
        frames = rows[..., : max(size)]
        return frames if height <= width else frames.swapaxes(-1, -2)

    def _scaled(self, height: int, width: int) -> int:
        shorter, longer = sorted((height, width))
        return max(self.short, round(longer * self.short / shorter))
