"""Which frames of a segment are worth encoding, and which one stands for it as a picture."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

# Frames are compared by the mean colours of cells, this many pixels to a side: small enough to
# notice a small thing that moves, large enough to average away the noise of compression.
_CELL = 8
# A picture whose brightness varies less than this is black, white or a plain card.
_FLAT_SPREAD = 10.0
# The keyframe is the most typical frame that is at least this sharp beside the sharpest quarter.
_SHARP_ENOUGH = 0.7


def unique_frames(frames: list[np.ndarray], *, threshold: float) -> tuple[list[int], np.ndarray]:
    """Which of the frames to keep, and which kept one stands for each.

    Two frames are alike if no cell's mean colour differs by more than ``threshold`` grey levels.

    Returns:
        The positions of the kept frames (the first always is one), and for each frame the
        position, among the kept ones, of the one that stands for it; shape: (len(frames),).
    """
    cells = [_cells(frame) for frame in frames]
    kept: list[int] = []
    stands_for = np.empty(len(frames), np.int64)
    for position, own in enumerate(cells):
        alike = (
            number
            for number in reversed(range(len(kept)))
            if np.abs(cells[kept[number]] - own).max() <= threshold
        )
        twin = next(alike, None)
        if twin is None:
            twin = len(kept)
            kept.append(position)
        stands_for[position] = twin
    return kept, stands_for


def choose_keyframe(frames: list[np.ndarray], weights: np.ndarray) -> int:
    """Position of the frame that best stands for all: not flat, not blurred, and typical.

    Typical is what is nearest to the mean picture, in which each frame counts by its weight.
    """
    cells = np.stack([_cells(frame) for frame in frames])
    typical = np.average(cells, axis=0, weights=weights)
    strangeness = np.abs(cells - typical).mean(axis=(1, 2, 3))
    greys = [_grey(frame) for frame in frames]
    spread = np.array([grey.std() for grey in greys])
    sharpness = np.array([_sharpness(grey) for grey in greys])
    candidates = spread >= _FLAT_SPREAD
    if not candidates.any():
        return int(np.argmax(spread))
    candidates &= sharpness >= _SHARP_ENOUGH * np.quantile(sharpness[candidates], 0.75)
    return int(np.argmin(np.where(candidates, strangeness, np.inf)))


def encode_jpeg(pixels: np.ndarray, *, quality: int) -> bytes:
    """The picture (RGB, uint8) as a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()


def _cells(frame: np.ndarray) -> np.ndarray:
    cell = max(1, min(_CELL, *frame.shape[:2]))
    return np.asarray(Image.fromarray(frame).reduce(cell), np.float32)


def _grey(frame: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(frame).convert("L").reduce(2), np.float32)


def _sharpness(grey: np.ndarray) -> float:
    """Variance of the Laplacian: high where edges are crisp."""
    if min(grey.shape) < 3:
        return 0.0
    inner = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float((around - 4 * inner).var())
