"""Decoding by decord alone, without any of the program's own work."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

# Not from decord itself: imported without care it loads CUDA libraries that disturb others.
from indexer.reading.decord_reader import decord


@dataclass(frozen=True)
class Sampled:
    """Frames of a clip: their numbers in the file, and the size to decode them at."""

    clip: Path
    numbers: list[int]
    width: int
    height: int


def frame_starts_s(clip: Path) -> np.ndarray:
    """When each frame of a file starts, in seconds; shape: (frames,)."""
    reader = decord.VideoReader(str(clip))
    starts_s: np.ndarray = reader.get_frame_timestamp(range(len(reader)))[:, 0]
    return starts_s


def decode(clips: list[Sampled]) -> list[np.ndarray]:
    """The frames of each clip, uint8, (frames, height, width, 3); on all cores."""
    return [
        decord.VideoReader(str(part.clip), width=part.width, height=part.height)
        .get_batch(part.numbers)
        .asnumpy()
        for part in clips
    ]
