"""What a reader and its frames are to the rest of the indexer, and how large frames are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, Self

import numpy as np

from indexer.reading.probe import VideoInfo


class TimedPicture(Protocol):
    """A picture that is shown at some time. Its pixels are made only when asked for."""

    @property
    def time_s(self) -> float:
        """Presentation time, from the start of the container's timeline."""

    def pixels(self) -> np.ndarray:
        """The upright picture at the size asked for; shape: (height, width, 3), uint8, RGB."""


class Frame(TimedPicture, Protocol):
    """One decoded picture. Its pixels are converted only when asked for: that takes long."""

    @property
    def look(self) -> np.ndarray:
        """A small picture for comparing frames: brightness and two colours, in grey levels.

        shape: (3, rows, columns), float32, the same for all frames of a video.
        """


class Reader(Protocol):
    """One pass over the frames of a file; opened and closed by its context manager.

    Raises, on entering: DecodeFailed, if it is not a video that may be indexed.
    """

    info: VideoInfo

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    @property
    def bad_frames(self) -> int:
        """Damaged frames met so far; at the end also those that are missing."""

    @property
    def end_s(self) -> float:
        """When the last frame given so far goes off the screen."""

    def frames(self) -> Iterator[Frame]:
        """The frames, with rising times.

        Raises:
            DecodeFailed: a limit was passed.
        """

    def picture_at(self, time_s: float) -> np.ndarray:
        """Pixels of the frame that is on the screen at ``time_s``, found by seeking.

        Raises:
            DecodeFailed: no frame can be decoded.
        """


def decoded_size(info: VideoInfo, short_side: int) -> tuple[int, int]:
    """(width, height) with the display's proportions, ``short_side`` pixels short, even sizes.

    Extremely long strips are squeezed to 8:1 so that memory stays bounded.
    """
    scale = short_side / min(info.width, info.height)
    longest = short_side * 8
    width, height = (min(longest, side * scale) for side in (info.width, info.height))
    return max(2, round(width / 2) * 2), max(2, round(height / 2) * 2)
