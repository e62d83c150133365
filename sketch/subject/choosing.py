"""Which of a few frames around a keyframe is best to draw: where the subject is large and sharp."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from sketch.canvas import on_canvas, visible_box
from sketch.strokes import Placed
from sketch.subject.finding import MOTION, Clues, find_subject
from sketch.subject.motion import motion_map

# Frames are compared in small: what is clearly larger or sharper is so there too, and motion is
# found in a quarter of the time.
_SHORT_SIDE = 112
# The keyframe is what people know of a segment: another frame must be better by this factor.
_CLEARLY_BETTER = 1.25
# What is seen to move in fewer frames than this may be a flicker.
_FEWEST = 2
# A subject is cut off where it comes this near to the picture's border, in canvas pixels.
_RIM_PX = 3


def best_to_draw(frames: np.ndarray, keyframe: int) -> int:
    """The number of the frame to draw, of a few: uint8 RGB (count, height, width, 3).

    That is the one where what moves is largest, sharpest, and least cut off by the picture's
    border; where nothing moves by itself, the sharpest. What moves in a frame is told by those
    before and after it, so the first and the last are left out.
    """
    small = _in_small(frames)
    seen = {number: _Seen.of(small, number) for number in {keyframe, *range(1, len(frames) - 1)}}
    worth = {number: one.of_subject for number, one in seen.items() if one.of_subject > 0}
    if len(worth) < _FEWEST:
        worth = {number: one.sharpness for number, one in seen.items()}
    best = max(worth, key=lambda number: (worth[number], -abs(number - keyframe)))
    return best if worth[best] > _CLEARLY_BETTER * worth.get(keyframe, 0.0) else keyframe


@dataclass(frozen=True)
class _Seen:
    """What a frame is worth to be drawn.

    sharpness: the mean second derivative of its grey levels
    of_subject: the same where something moves, times how high that is in shares of the picture, and
        how much of its outline lies inside; 0 where nothing moves
    """

    sharpness: float
    of_subject: float

    @classmethod
    def of(cls, frames: np.ndarray, number: int) -> Self:
        canvas, placed = on_canvas(frames[number])
        left, top, right, bottom = visible_box(placed)
        inner = np.s_[top:bottom, left:right]
        grey = cv2.cvtColor(canvas, cv2.COLOR_RGB2GRAY)
        lines = np.abs(cv2.Laplacian(grey, cv2.CV_32F))[inner]
        subject = _moving_at(frames, number, canvas, placed)[inner]
        if not subject.any():
            return cls(float(lines.mean()), 0.0)
        cut = subject.sum() - subject[_RIM_PX:-_RIM_PX, _RIM_PX:-_RIM_PX].sum()
        whole = max(0.0, 1 - float(cut) / (4 * _RIM_PX * np.sqrt(subject.sum())))
        height = float(np.sqrt(subject.mean()))
        return cls(float(lines.mean()), height * whole * float(lines[subject].mean()))


def _moving_at(frames: np.ndarray, number: int, canvas: np.ndarray, placed: Placed) -> np.ndarray:
    found = find_subject(canvas, placed, Clues(motion=motion_map(frames, number)), only=MOTION)
    return np.zeros(canvas.shape[:2], bool) if found is None else found.evidence > 0.5


def _in_small(frames: np.ndarray) -> np.ndarray:
    height, width = frames.shape[1:3]
    scale = min(1.0, _SHORT_SIDE / min(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.stack([cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in frames])
