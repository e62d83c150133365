"""The background of a sketch: drawn apart, thinner, with fewer strokes, and put behind."""

from dataclasses import replace

import cv2
import numpy as np

from sketch.canvas import Target
from sketch.raster.bezier import sampled
from sketch.strokes import BACKGROUND, CANVAS, Sketch, Strokes

HALF_WIDTH = 0.9
_FEWER = 3
# The outline of the subject is not drawn again as an edge of what is behind it.
_RIM_PX = 9
_MOST_INSIDE = 0.3


def background_count(strokes: int) -> int:
    """How many strokes a background gets beside `strokes` of the subject."""
    return max(1, strokes // _FEWER)


def background_of(target: Target) -> Target:
    """What is left of a whole picture without its subject and the subject's outline."""
    whole = target.whole or target
    side = 2 * _RIM_PX + 1
    rim = cv2.dilate(
        _subject(whole.mask), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    )
    return replace(whole, mask=1 - rim)


def with_background(subject: Sketch, background: Sketch, target: Target) -> Sketch:
    """Both in one: the background first, without strokes that run through the subject.

    The gains and the loss remain those of the subject, which is what the model was asked about.
    """
    whole = target.whole or target
    beside = [
        number
        for number, points in enumerate(background.strokes.points)
        if _share_inside(points, _subject(whole.mask)) < _MOST_INSIDE
    ]
    behind = background.strokes.take(beside)
    before = subject.strokes.moved(subject.placed, whole.placed)
    # Of a small subject thick lines would be all that is seen; none is thinner than what is behind.
    smaller = (whole.placed.width / subject.placed.width) ** 0.5
    strokes = Strokes(
        np.concatenate([behind.points, before.points]),
        np.concatenate(
            [
                np.full(len(behind), HALF_WIDTH, np.float32),
                np.maximum(before.half_widths * smaller, HALF_WIDTH).astype(np.float32),
            ]
        ),
        np.concatenate([behind.opacities, before.opacities]),
    )
    groups = (BACKGROUND,) * len(behind) + subject.groups
    gains = np.concatenate([np.zeros(len(behind), np.float32), subject.gains])
    return replace(subject, strokes=strokes, groups=groups, gains=gains, placed=whole.placed)


def _subject(mask: np.ndarray) -> np.ndarray:
    """1 on the subject, 0 beside it, also where a mask in doubt only fades what is beside it."""
    return (mask > 0.5).astype(np.float32)


def _share_inside(points: np.ndarray, mask: np.ndarray) -> float:
    """How much of a stroke (4, 2) lies on the subject."""
    columns, rows = sampled(points).astype(int).clip(0, CANVAS - 1).T
    return float(mask[rows, columns].mean())
