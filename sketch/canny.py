"""What sketches are measured against: the longest Canny edges of a picture as polylines."""

import cv2
import numpy as np

from sketch.strokes import Strokes
from sketch.target import Target

_LOW, _HIGH = 60, 150
_SIGMA = 1.4
_TOLERANCE_PX = 1.2


def canny_polylines(target: Target, count: int) -> Strokes:
    """The `count` longest edges, each simplified to straight pieces.

    A polyline counts as one stroke, though it consists of several curves here: it may bend as
    often as it likes, which a stroke of a sketch may not.
    """
    grey = cv2.cvtColor(np.round(target.softened * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
    edges = cv2.Canny(cv2.GaussianBlur(grey, (0, 0), _SIGMA), _LOW, _HIGH)
    outlines, _ = cv2.findContours(edges, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    # An open edge is walked there and back.
    outlines = sorted(outlines, key=len, reverse=True)[:count]
    pieces = [piece for outline in outlines for piece in _pieces(outline)]
    return Strokes.plain(np.array(pieces, np.float32).reshape(-1, 4, 2))


def _pieces(outline: np.ndarray) -> list[np.ndarray]:
    corners = cv2.approxPolyDP(outline, _TOLERANCE_PX, closed=True)[:, 0].astype(np.float32) + 0.5
    shares = np.linspace(0, 1, 4, dtype=np.float32)[:, None]
    ends = np.roll(corners, -1, axis=0)
    return [start + shares * (end - start) for start, end in zip(corners, ends, strict=True)]
