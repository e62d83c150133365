"""Decoding by decord alone, in a process of its own.

decord loads every CUDA library that pip has installed for all to use. One of them takes matrix
products away from libraries that are loaded later, and ends the process where there is no GPU. So
nothing else may live in a process with decord.
"""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.timing import Timing, timed


@dataclass(frozen=True)
class Sampled:
    """Frames of a clip: their numbers in the file, and the size to decode them at."""

    clip: Path
    numbers: list[int]
    width: int
    height: int


class BareDecoder:
    """Calls into the process that holds decord."""

    def __init__(self, process: ProcessPoolExecutor) -> None:
        self._process = process

    def frame_starts_s(self, clip: Path) -> np.ndarray:
        """When each frame of a file starts, in seconds; shape: (frames,)."""
        return self._process.submit(_frame_starts_s, clip).result()

    def decode(self, clips: list[Sampled]) -> list[np.ndarray]:
        """The frames of each clip, uint8, (frames, height, width, 3)."""
        return self._process.submit(_decode, clips).result()

    def time(self, clips: list[Sampled]) -> Timing:
        """How long decoding takes, on all cores; the frames stay where they are."""
        return self._process.submit(_time, clips).result()


@contextmanager
def bare_decoder() -> Iterator[BareDecoder]:
    """A decoder whose process ends with the block."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        yield BareDecoder(process)


def _frame_starts_s(clip: Path) -> np.ndarray:
    import decord

    reader = decord.VideoReader(str(clip))
    return reader.get_frame_timestamp(range(len(reader)))[:, 0]


def _decode(clips: list[Sampled]) -> list[np.ndarray]:
    import decord

    return [
        decord.VideoReader(str(part.clip), width=part.width, height=part.height)
        .get_batch(part.numbers)
        .asnumpy()
        for part in clips
    ]


def _time(clips: list[Sampled]) -> Timing:
    return timed(_decode, clips)[0]
