"""What a decoded frame is to the rest of the indexer, and how large it is."""

from __future__ import annotations

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


def decoded_size(info: VideoInfo, short_side: int) -> tuple[int, int]:
    """(width, height) with the display's proportions, ``short_side`` pixels short, even sizes.

    Extremely long strips are squeezed to 8:1 so that memory stays bounded.
    """
    scale = short_side / min(info.width, info.height)
    longest = short_side * 8
    width, height = (min(longest, side * scale) for side in (info.width, info.height))
    return max(2, round(width / 2) * 2), max(2, round(height / 2) * 2)
