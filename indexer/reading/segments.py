"""Frames of a video gathered into segments: spans of one shot, neither too long nor too short."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from indexer.reading.frames import Frame
from indexer.reading.settings import IndexSettings
from indexer.reading.shots import ShotFrame

# How many times finer than the sample rate the grid is on which a shot's first frames are held: at
# two frames a second it takes every frame of video with up to 128 a second.
_FINEST = 64


class HeldFrame:
    """A frame kept for its segment; turned into pixels as late as possible, and only once."""

    def __init__(self, frame: Frame) -> None:
        self.time_s = frame.time_s
        self._frame = frame
        self._pixels: np.ndarray | None = None

    def convert(self) -> np.ndarray:
        """Pixels of the frame; lets go of the decoder's own large picture."""
        if self._pixels is None:
            self._pixels = self._frame.pixels()
            del self._frame
        return self._pixels


@dataclass(frozen=True)
class FramedSpan:
    """A span of a video with the frames that stand for it, in order of time."""

    index: int
    start_s: float
    end_s: float
    frames: list[HeldFrame]


class SegmentCutter:
    """Makes segments of marked frames and gives each out as soon as its limits are known.

    The segments cover the video without gaps, from 0 to its end. None is longer than
    ``max_segment_s``; none is shorter than ``min_segment_s`` unless the whole video is: a shorter
    shot joins the next one (the last one joins the one before). A long shot is given out in pieces
    of ``max_segment_s``, and what is left of it at the end in equal pieces.
    """

    def __init__(self, settings: IndexSettings) -> None:
        self._settings = settings
        self._start_s = 0.0
        self._cut_s: float | None = None
        self._sampler = _Sampler(settings, start_s=0.0)
        self._next_sampler: _Sampler | None = None
        self._shown: HeldFrame | None = None
        self._count = 0

    def cut(self, frames: Iterable[ShotFrame]) -> Iterator[FramedSpan]:
        """The segments whose ends are known; call `finish` for the rest."""
        for shot_frame in frames:
            yield from self._take(shot_frame)

    def finish(self, end_s: float) -> Iterator[FramedSpan]:
        """The last segments of a video that ends at ``end_s``."""
        if self._cut_s is not None and end_s - self._cut_s < self._settings.min_segment_s:
            self._join()
        if self._cut_s is not None:
            yield from self._close_at_cut()
        yield from self._split(end_s, self._sampler.frames)

    def _take(self, shot_frame: ShotFrame) -> Iterator[FramedSpan]:
        time_s, shortest_s = shot_frame.frame.time_s, self._settings.min_segment_s
        if self._cut_s is not None and time_s - self._cut_s >= shortest_s:
            yield from self._close_at_cut()
        if shot_frame.starts_shot and self._cut_s is None and time_s - self._start_s >= shortest_s:
            self._cut_s = time_s
            self._next_sampler = _Sampler(self._settings, start_s=time_s)
        (self._next_sampler or self._sampler).offer(HeldFrame(shot_frame.frame))
        while self._cut_s is None and time_s - self._start_s > 2 * self._settings.max_segment_s:
            yield self._first_piece()

    def _join(self) -> None:
        """Forget a cut: what follows it is too short to stand alone."""
        for frame in self._next_sampler.frames if self._next_sampler else ():
            self._sampler.offer(frame)
        self._cut_s = self._next_sampler = None

    def _close_at_cut(self) -> Iterator[FramedSpan]:
        assert self._cut_s is not None and self._next_sampler is not None  # noqa: S101
        yield from self._split(self._cut_s, self._sampler.frames)
        self._start_s, self._sampler = self._cut_s, self._next_sampler
        self._cut_s = self._next_sampler = None

    def _first_piece(self) -> FramedSpan:
        end_s = self._start_s + self._settings.max_segment_s
        frames = self._sampler.frames
        piece = self._segment(self._start_s, end_s, self._on_screen(frames, self._start_s, end_s))
        self._sampler.frames = [frame for frame in frames if frame.time_s >= end_s]
        self._start_s = end_s
        return piece

    def _split(self, end_s: float, frames: list[HeldFrame]) -> Iterator[FramedSpan]:
        start_s = self._start_s
        # The tolerance keeps rounding in time stamps from making one piece more.
        pieces = max(1, math.ceil((end_s - start_s) / self._settings.max_segment_s - 1e-6))
        edges = np.linspace(start_s, end_s, pieces + 1).tolist()
        for left_s, right_s in itertools.pairwise(edges):
            until_s = right_s if right_s < end_s else math.inf
            yield self._segment(left_s, right_s, self._on_screen(frames, left_s, until_s))
        self._start_s = end_s

    def _on_screen(self, frames: list[HeldFrame], start_s: float, end_s: float) -> list[HeldFrame]:
        """The frames of a span; if none begins in it, the one that still shows."""
        inside = [frame for frame in frames if start_s <= frame.time_s < end_s]
        if inside:
            return inside
        earlier = [frame for frame in frames if frame.time_s < start_s]
        return earlier[-1:] or ([self._shown] if self._shown else frames[:1])

    def _segment(self, start_s: float, end_s: float, frames: list[HeldFrame]) -> FramedSpan:
        wanted = max(
            self._settings.min_frames_per_segment,
            round((end_s - start_s) * self._settings.sample_rate),
        )
        chosen = _evenly(frames, wanted)
        for frame in chosen:
            frame.convert()
        self._shown = chosen[-1]
        self._count += 1
        return FramedSpan(index=self._count - 1, start_s=start_s, end_s=end_s, frames=chosen)


class _Sampler:
    """Keeps the frames of one shot on a grid that coarsens as the shot grows.

    A short shot needs its few frames close together, a long one at the sample rate; which it will
    be is known only at its end. So the grid begins fine, and whenever twice the frames that a
    short segment needs are held, every other one goes, until the sample rate is reached.
    """

    def __init__(self, settings: IndexSettings, *, start_s: float) -> None:
        self.frames: list[HeldFrame] = []
        self._start_s = start_s
        self._final_step_s = 1 / settings.sample_rate
        self._step_s = self._final_step_s / _FINEST
        self._most = 2 * settings.min_frames_per_segment
        self._last_cell = -math.inf

    def offer(self, frame: HeldFrame) -> None:
        cell = self._cell(frame.time_s)
        if cell <= self._last_cell:
            return
        self._last_cell = cell
        self.frames.append(frame)
        while self._step_s < self._final_step_s and len(self.frames) > self._most:
            self._coarsen()
        if self._step_s >= self._final_step_s:
            for held in self.frames:
                held.convert()

    def _cell(self, time_s: float) -> int:
        # Time stamps are rounded by their containers, by up to a millisecond.
        return math.floor((time_s - self._start_s) / self._step_s + 0.02)

    def _coarsen(self) -> None:
        self._step_s = min(2 * self._step_s, self._final_step_s)
        kept: dict[int, HeldFrame] = {}
        for frame in self.frames:
            kept.setdefault(self._cell(frame.time_s), frame)
        self.frames = list(kept.values())
        self._last_cell = self._cell(self.frames[-1].time_s)


def _evenly(frames: list[HeldFrame], count: int) -> list[HeldFrame]:
    """``count`` of the frames, as evenly spread in time as they can be; all if they are fewer.

    One too many is kept as well: leaving it out would tear a gap.
    """
    if len(frames) <= count + 1:
        return frames
    times_s = np.array([frame.time_s for frame in frames])
    chosen: list[int] = []
    for number, wanted_s in enumerate(np.linspace(times_s[0], times_s[-1], count)):
        first = chosen[-1] + 1 if chosen else 0
        last = len(frames) - (count - number)
        nearest = int(np.abs(times_s[first : last + 1] - wanted_s).argmin())
        chosen.append(first + nearest)
    return [frames[position] for position in chosen]
