"""Sketches and segments that are made up, for tests that draw nothing."""

from pathlib import Path

import numpy as np

from search.catalog.places import PresentVideo, SegmentPlace
from sketch.strokes import Drawing, LossFigures, Placed, Sketch, Strokes


def sketch(strokes: int = 2, *, groups: tuple[str, ...] = ("subject", "background")) -> Sketch:
    """Strokes that differ, as does every figure."""
    points = np.arange(8 * strokes, dtype=np.float32).reshape(strokes, 4, 2)
    ones = np.arange(1, strokes + 1, dtype=np.float32)
    return Sketch(
        Strokes(points, ones, ones / 10),
        groups[:strokes],
        ones / 7,
        LossFigures(3.0, 1.0, 2.0),
        Placed(1.0, 2.0, 30.0, 40.0),
    )


def drawing(strokes: int = 2, *, seconds: float = 1.5) -> Drawing:
    """A drawing of such a sketch."""
    one = sketch(strokes)
    return Drawing(one, history=(one.strokes, one.strokes), seconds=seconds)


def place(
    number: int = 7,
    *,
    start_s: float = 10.0,
    end_s: float = 14.0,
    keyframe_s: float = 12.0,
    path: str = "/v/a cat.mp4",
) -> SegmentPlace:
    """A segment of a video of a hundred seconds."""
    return SegmentPlace(
        number, start_s, end_s, keyframe_s, PresentVideo("5eed", 100.0, (Path(path),))
    )
