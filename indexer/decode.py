"""Frames of a video in order of presentation, whatever library decodes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from indexer.probe import VideoInfo


class Frame(Protocol):
    """One decoded picture. Its pixels are converted only when asked for, since that is dear."""

    @property
    def time_s(self) -> float:
        """Presentation time, from the start of the container's timeline."""

    @property
    def look(self) -> np.ndarray:
        """A small picture for comparing frames: brightness and two colours, in grey levels.

        shape: (3, rows, columns), float32, the same for all frames of a video.
        """

    def pixels(self) -> np.ndarray:
        """The upright picture at the size asked for; shape: (height, width, 3), uint8, RGB."""


class FrameReader(Protocol):
    """One pass over a video's frames; closed by its context manager."""

    info: VideoInfo

    def frames(self) -> Iterator[Frame]:
        """The frames, with rising times; damaged ones are left out and counted.

        Raises:
            DecodeFailed: nothing (more) can be decoded, or a limit was passed.
        """

    @property
    def bad_frames(self) -> int:
        """Damaged frames met so far."""

    @property
    def end_s(self) -> float:
        """When the last frame given so far goes off the screen."""


def decoded_size(info: VideoInfo, short_side: int) -> tuple[int, int]:
    """(width, height) with the display's proportions, ``short_side`` pixels short, even sizes.

    Extremely long strips are squeezed to 8:1 so that memory stays bounded.
    """
    scale = short_side / min(info.width, info.height)
    longest = short_side * 8
    width, height = (min(longest, side * scale) for side in (info.width, info.height))
    return max(2, round(width / 2) * 2), max(2, round(height / 2) * 2)
