"""Which frames of a clip a model is fed: a few a second, or some of each equal part of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

# Time stamps are stored rounded, by up to a millisecond.
_ROUNDED_S = 0.001
# The largest error of a sum of floats, as a part of its size.
_SAME_TIME = 1e-9


@dataclass(frozen=True)
class Sampling:
    """Which frames of a clip are taken.

    rate: candidates per second, the first frame in each 1/rate seconds; 0 takes every frame.
    frames: the most that are kept of the candidates.
    choose: where to keep them when there are more: spread evenly with the first and the last
        ("uniform"), at the start ("head") or at the end ("tail").
    by: what a second is: "time", or so many "frames" as the file's rate says, cut to a whole
        number. CLIP4Clip's code counts so: of 29.97 frames a second every 29th is a candidate.

    Raises ValueError for values that cannot be meant.
    """

    frames: int = 12
    rate: float = 1.0
    choose: Literal["uniform", "head", "tail"] = "uniform"
    by: Literal["time", "frames"] = "time"

    def __post_init__(self) -> None:
        if self.frames < 1 or not 0 <= self.rate < math.inf:
            raise ValueError("frames must be at least 1, and rate a number that is not negative")
        if self.choose not in ("uniform", "head", "tail"):
            raise ValueError(f"choose must be uniform, head or tail, not {self.choose!r}")
        if self.by not in ("time", "frames"):
            raise ValueError(f"by must be time or frames, not {self.by!r}")

    def chosen(self, times_s: Sequence[float], end_s: float) -> list[int]:
        """Positions of the candidates that are kept, from their presentation times."""
        return self.positions(len(times_s))

    def positions(self, count: int) -> list[int]:
        """Which of ``count`` candidates are kept, rising; all where they are no more than frames.

        Uniform is floor(linspace(0, count - 1, frames)), in whole numbers.
        """
        if count <= self.frames:
            return list(range(count))
        if self.choose == "head":
            return list(range(self.frames))
        if self.choose == "tail":
            return list(range(count - self.frames, count))
        gaps = max(1, self.frames - 1)
        return [number * (count - 1) // gaps for number in range(self.frames)]


@dataclass(frozen=True)
class SegmentSampling:
    """A clip is cut into segments of equal duration; each gives ``shifts`` frames.

    These are the segments of temporal segment networks (Wang et al., arXiv 1608.00859), with the
    positions of the ActionCLIP release. One shift is the frame at the segment's centre. More are
    spread evenly over the segment; with an odd number the middle one is that same frame. A stored
    clip then holds many samplings of itself: `centred` for evaluation, `shifted` for training, and
    every shift as a view (`indexer.datasets.frames.views.by_view`).

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
        """0: every frame of a clip may be taken; see `Sampling`."""
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


FrameSampling = Sampling | SegmentSampling


def _even_where_rounded(edges_s: np.ndarray) -> np.ndarray:
    """The same times, or those of an even frame rate if only rounding parts them from it."""
    even_s = np.arange(len(edges_s)) * (edges_s[-1] / (len(edges_s) - 1))
    return even_s if np.abs(edges_s - even_s).max() <= _ROUNDED_S else edges_s


def _last_at(times_s: np.ndarray, wanted_s: np.ndarray) -> np.ndarray:
    """The position of the last of rising times that is not after each wanted one."""
    tolerance_s = _SAME_TIME * times_s[-1]
    found = np.searchsorted(times_s, wanted_s + tolerance_s, side="right") - 1
    return np.maximum(found, 0)
