"""Frames by which a picture tower is made and judged: some of many videos, from all over them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from indexer.keyframes import KEYFRAME_SIDE
from indexer.reading.errors import DecodeFailed
from indexer.reading.probe import VideoInfo
from indexer.reading.sampling import Sampling
from indexer.reading.settings import IndexSettings
from indexer.reading.worker import DecodeWorker
from models.clip.preprocess import Preprocessing

# 300 frames to calibrate with, as NNCF wants them, and a quarter of all to judge by.
STRETCHES = 50
_FRAMES, _RATE = 8, 2.0
_STRETCH_S = _FRAMES / _RATE
_Thing = TypeVar("_Thing")


def stretches(
    files: Sequence[Path], preprocessing: Preprocessing, settings: IndexSettings
) -> list[np.ndarray]:
    """At most STRETCHES of a few seconds, spread over files and evenly inside each; in order.

    uint8 pictures of the model's size, (frames, height, width, 3), as indexing would encode them.
    What cannot be read gives none.
    """
    some = _spread(files, STRETCHES)
    each = -(-STRETCHES // max(1, len(some)))
    with DecodeWorker() as worker:
        found = [
            preprocessing.fit(frames)
            for file in some
            for frames in _of_file(worker, file, each, preprocessing.short_side, settings)
        ]
    return _spread(found, STRETCHES)


def _of_file(
    worker: DecodeWorker, file: Path, count: int, short_side: int, settings: IndexSettings
) -> Iterator[np.ndarray]:
    side = max(short_side, KEYFRAME_SIDE)
    try:
        length_s = _length_s(worker, file, settings)
        for start_s in _starts_s(length_s, count):
            yield worker.clip_frames(
                file,
                start_s=start_s,
                end_s=start_s + _STRETCH_S,
                sampling=Sampling(_FRAMES, _RATE),
                short_side=side,
                settings=settings,
            ).frames
    except DecodeFailed:
        return  # whoever indexes it is told why


def _length_s(worker: DecodeWorker, file: Path, settings: IndexSettings) -> float:
    info = next(worker.decode(file, short_side=KEYFRAME_SIDE, settings=settings))
    assert isinstance(info, VideoInfo)  # noqa: S101 (what comes first)
    return info.duration_s or _STRETCH_S


def _starts_s(length_s: float, count: int) -> list[float]:
    """Where stretches begin that do not overlap, one in the middle of each part of the time."""
    parts = max(1, min(count, int(length_s / _STRETCH_S)))
    part_s = length_s / parts
    return [max(0.0, (number + 0.5) * part_s - _STRETCH_S / 2) for number in range(parts)]


def _spread(things: Sequence[_Thing], most: int) -> list[_Thing]:
    count = len(things)
    return [things[number * count // most] for number in range(most)] if count > most else [*things]
