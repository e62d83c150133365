"""A few frames of a clip, evenly spread by presentation time: what a model for clips is fed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from indexer.reading.errors import DecodeFailed
from indexer.reading.frames import TimedPicture
from indexer.reading.pictures.folders import FolderReader
from indexer.reading.pyav_reader import PyAVReader
from indexer.reading.sampling import FrameSampling, Sampling
from indexer.reading.settings import IndexSettings

# Time stamps are stored rounded, by up to a millisecond: this is allowed for, in cells of the grid.
_GRID_TOLERANCE = 0.02
# Winding goes too far in some containers, so it aims earlier than is wanted.
_WIND_MARGIN_S = 5.0
# Small pictures that are kept while a clip is read; a longer clip is read a second time.
_FRAMES_IN_HAND = 256

ClipReader = PyAVReader | FolderReader


@dataclass(frozen=True)
class ClipFrames:
    """The sampled frames of a clip, in order of time; the same one may stand there several times.

    frames: shape (count, height, width, 3), uint8, RGB; at least one.
    times_s: presentation times from the start of the file; shape (count,), float64.
    """

    frames: np.ndarray
    times_s: np.ndarray

    def __repr__(self) -> str:
        return f"ClipFrames({self.frames.shape}, {self.times_s[0]:.3f}-{self.times_s[-1]:.3f} s)"


def sample_clip(
    path: Path,
    *,
    start_s: float | None,
    end_s: float | None,
    sampling: FrameSampling,
    short_side: int,
    settings: IndexSettings,
    length_s: float | None = None,
    on_frame: Callable[[], None] = lambda: None,
) -> ClipFrames:
    """Frames of the file from ``start_s`` (or its start) until before ``end_s`` (or its end).

    A folder of pictures is a video too (`indexer.reading.pictures.folders`).

    A window in which no frame begins gives the one that is on the screen. The shorter side of
    the frames has ``short_side`` pixels. ``length_s`` says when the file's last picture ends, if
    that is known. ``on_frame`` is called for each decoded frame, as a sign of life.

    Raises:
        DecodeFailed: the file cannot be decoded, passes a limit, or ends before the window.
    """
    window = _window(start_s or 0.0, math.inf if end_s is None else end_s, sampling)
    how: dict[str, Any] = {"short_side": short_side, "settings": settings}

    def opened() -> ClipReader:
        if path.is_dir():
            return FolderReader(path, **how)
        return PyAVReader(path, **how, length_s=length_s)

    with opened() as reader:
        times_s, held = _read(window.candidates(reader, on_frame), sampling)
        if not times_s:
            times_s, held = [window.start_s], {0: _on_screen(reader, window.start_s)}
        positions = sampling.chosen(times_s, min(window.end_s, reader.end_s))
    wanted = set(positions)
    if not wanted <= held.keys():
        # Only now is it known which ones are wanted. Reading twice keeps the memory bounded.
        with opened() as reader:
            candidates = enumerate(window.candidates(reader, on_frame))
            held = {at: frame.pixels() for at, frame in candidates if at in wanted}
    return ClipFrames(
        np.stack([held[at] for at in positions]), np.array([times_s[at] for at in positions])
    )


def _window(start_s: float, end_s: float, sampling: FrameSampling) -> _Window:
    is_counted = isinstance(sampling, Sampling) and sampling.by == "frames" and sampling.rate > 0
    return (_CountedWindow if is_counted else _Window)(start_s, end_s, sampling.rate)


@dataclass(frozen=True)
class _Window:
    start_s: float
    end_s: float
    rate: float

    def candidates(
        self, reader: ClipReader, on_frame: Callable[[], None]
    ) -> Iterator[TimedPicture]:
        """The first frame in each cell of the window's time grid."""
        last_cell = -math.inf
        for frame in self._decoded(reader):
            on_frame()
            if frame.time_s >= self.end_s:
                return
            if frame.time_s < self.start_s:
                continue
            cell = math.floor((frame.time_s - self.start_s) * self.rate + _GRID_TOLERANCE)
            if cell > last_cell or not self.rate:
                last_cell = cell
                yield frame

    def _decoded(self, reader: ClipReader) -> Iterator[TimedPicture]:
        if self.start_s <= 2 * _WIND_MARGIN_S:
            return reader.frames()
        return reader.frames_after(self.start_s - _WIND_MARGIN_S)


class _CountedWindow(_Window):
    """A window whose seconds are so many frames as the file's rate says, cut to a whole number.

    Of each second the frames 0, n, 2 n, … are taken, n = frames of a second / rate, likewise cut.
    """

    def candidates(
        self, reader: ClipReader, on_frame: Callable[[], None]
    ) -> Iterator[TimedPicture]:
        a_second = int(reader.rate or 0)
        if a_second < self.rate:  # so few frames, or no rate at all: time tells
            yield from super().candidates(reader, on_frame)
            return
        step = max(1, int(a_second // self.rate))
        taken = range(0, step * max(1, int(self.rate)), step)
        most = (self.end_s - self.start_s) * a_second
        number = -1
        for frame in self._decoded(reader):
            on_frame()
            if frame.time_s < self.start_s:
                continue
            number += 1
            if number >= most:
                return
            if number % a_second in taken:
                yield frame


def _read(
    candidates: Iterator[TimedPicture], sampling: FrameSampling
) -> tuple[list[float], dict[int, np.ndarray]]:
    """Times of the candidates, and pixels by position: as many as may be wanted, or fit."""
    choose = sampling.choose if isinstance(sampling, Sampling) else "uniform"
    most = max(_FRAMES_IN_HAND, sampling.frames)
    times_s: list[float] = []
    held: dict[int, np.ndarray] = {}
    for at, frame in enumerate(candidates):
        times_s.append(frame.time_s)
        if choose == "tail":
            held.pop(at - sampling.frames, None)
            held[at] = frame.pixels()
        elif at < most:
            held[at] = frame.pixels()
        else:
            held.clear()
        if choose == "head" and len(times_s) == sampling.frames:
            break
    return times_s, held


def _on_screen(reader: ClipReader, time_s: float) -> np.ndarray:
    if time_s >= reader.end_s:
        raise DecodeFailed(
            "decode", f"the clip begins at {time_s:g} s, but the video ends at {reader.end_s:g} s"
        )
    return reader.picture_at(time_s)
