"""Sampling by segments of equal duration, a frame of each: temporal segment networks.

(Wang et al., arXiv 1608.00859; the positions are those of the ActionCLIP release.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

# Time stamps are stored rounded, by up to a millisecond.
_ROUNDED_S = 0.001
# Sums of floats miss each other by so much of their size at the most.
_SAME_TIME = 1e-9


@dataclass(frozen=True)
class SegmentSampling:
    """A clip is cut into so many segments of equal duration; each gives ``shifts`` frames.

    One shift is the frame at the segment's centre. More are spread evenly over the segment; with
    an odd number the middle one is that same frame. So one stored clip holds many samplings of it:
    `centred` for evaluation, `shifted` for training, `each_shift` for several views.

    A clip with no more frames than segments gives every segment the frame on the screen at its
    beginning: all frames, some of them several times.

    Raises ValueError for values that cannot be meant.
    """

    segments: int = 8
    shifts: int = 1

    def __post_init__(self) -> None:
        if self.segments < 1 or self.shifts < 1:
            raise ValueError("segments and shifts must be at least 1")

    @property
    def frames(self) -> int:
        """How many frames are taken of every clip."""
        return self.segments * self.shifts

    @property
    def rate(self) -> float:
        """0: every frame of a clip may be taken; see `indexer.reading.clip.Sampling`."""
        return 0.0

    def chosen(self, times_s: Sequence[float], end_s: float) -> list[int]:
        """Positions of the frames that are taken, rising, with repeats.

        times_s: presentation times of all frames of the clip, rising; at least one
        end_s: when the last of them goes off the screen
        """
        edges_s = _even_where_rounded(np.append(times_s, max(end_s, times_s[-1])) - times_s[0])
        starts_s, length_s = edges_s[:-1], edges_s[-1]
        if len(starts_s) <= self.segments:
            begins_s = length_s * np.arange(self.segments) / self.segments
            return np.repeat(_last_at(starts_s, begins_s), self.shifts).tolist()
        middles_s = (edges_s[:-1] + edges_s[1:]) / 2
        centres_s = length_s * (np.arange(self.frames) + 0.5) / self.frames
        return _last_at(middles_s, centres_s).tolist()

    def centred(self, clips: int) -> np.ndarray:
        """Which of the stored frames stand at the segments' centres; shape: (clips, segments)."""
        positions = np.arange(self.segments) * self.shifts + self.shifts // 2
        return np.tile(positions, (clips, 1))

    def shifted(self, clips: int, random: np.random.Generator) -> np.ndarray:
        """One of the stored frames of each segment, by chance; shape: (clips, segments)."""
        drawn = random.integers(self.shifts, size=(clips, self.segments))
        return np.arange(self.segments) * self.shifts + drawn

    def each_shift(self, frames: torch.Tensor) -> torch.Tensor:
        """The clip sampled once for each shift.

        shape: (clips, segments * shifts, ...) as stored → (clips, shifts, segments, ...)
        """
        return frames.unflatten(1, (self.segments, self.shifts)).transpose(1, 2)


def _even_where_rounded(edges_s: np.ndarray) -> np.ndarray:
    """The same times, or those of an even frame rate if only rounding parts them from it."""
    even_s = np.arange(len(edges_s)) * (edges_s[-1] / (len(edges_s) - 1))
    return even_s if np.abs(edges_s - even_s).max() <= _ROUNDED_S else edges_s


def _last_at(times_s: np.ndarray, wanted_s: np.ndarray) -> np.ndarray:
    """The position of the last of rising times that is not after each wanted one."""
    tolerance_s = _SAME_TIME * times_s[-1]
    found = np.searchsorted(times_s, wanted_s + tolerance_s, side="right") - 1
    return np.maximum(found, 0)
