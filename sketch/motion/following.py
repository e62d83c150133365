"""Strokes that follow what they depict from one frame to the next, and keep who they are."""

from dataclasses import dataclass

import numpy as np

from sketch.edges.pieces import bernstein_matrix
from sketch.motion.frame_motion import OUTLIER_PX, padded_to_canvas, put, sample_moves, similarity
from sketch.strokes import WHOLE_CANVAS, Placed, Strokes

_SAMPLES = 24
_SHARES = np.linspace(0, 1, _SAMPLES)
_DESIGN = bernstein_matrix(_SHARES)
_ROUNDS = 4
# How hard a stroke is held to the shape that it had: it gives way where its samples agree.
_STIFFNESS = 0.05
_LOST = 0.2


@dataclass(frozen=True)
class Followed:
    """Strokes in the next frame.

    support: float32 (strokes,), 0 to 1: how much of each stroke was found again
    """

    strokes: Strokes
    support: np.ndarray


def follow(
    strokes: Strokes, frame_a: np.ndarray, frame_b: np.ndarray, placed: Placed = WHOLE_CANVAS
) -> Strokes:
    """The strokes of `frame_a` where they lie in `frame_b`: same number, order and widths.

    frame_a, frame_b: uint8 RGB (height, width, 3), which fill `placed` on the canvas

    Optical flow moves points of each stroke; a cubic is fitted to where they went. A stroke that
    was not found again goes along with the others.
    """
    before, after = (padded_to_canvas(frame, placed) for frame in (frame_a, frame_b))
    return followed(strokes, before, after).strokes


def followed(strokes: Strokes, frame_a: np.ndarray, frame_b: np.ndarray) -> Followed:
    """As `follow`, from frames that `padded_to_canvas` gave."""
    if len(strokes) == 0:
        return Followed(strokes, np.zeros(0, np.float32))
    points = strokes.points.astype(np.float64)
    samples = _DESIGN @ points
    moves, trust = sample_moves(samples, _normals(points), frame_a, frame_b)
    carried = _carried(samples, samples + moves, trust, points)
    fitted = _refitted(samples + moves, trust, carried)
    support = trust.mean(1)
    lost = support < _LOST
    fitted[lost] = carried[lost]
    moved = Strokes(fitted.astype(np.float32), strokes.half_widths, strokes.opacities)
    return Followed(moved, support.astype(np.float32))


def _normals(points: np.ndarray) -> np.ndarray:
    """Unit vectors across the strokes at their samples, (strokes, samples, 2)."""
    slopes = np.stack(((1 - _SHARES) ** 2, 2 * (1 - _SHARES) * _SHARES, _SHARES**2), -1)
    along = slopes @ np.diff(points, axis=1)
    along /= np.maximum(np.linalg.norm(along, axis=2, keepdims=True), 1e-6)
    return np.stack((-along[..., 1], along[..., 0]), -1)


def _carried(
    samples: np.ndarray, moved: np.ndarray, trust: np.ndarray, points: np.ndarray
) -> np.ndarray:
    """The control points after the similarity that most of each stroke follows, else of all."""
    of_all = similarity(samples.reshape(-1, 2), moved.reshape(-1, 2), trust.reshape(-1))
    carried = points.copy()
    for index, stroke in enumerate(points):
        own = similarity(samples[index], moved[index], trust[index])
        motion = own or of_all
        if motion is not None:
            carried[index] = put(stroke, motion.matrix)
    return carried


def _refitted(moved: np.ndarray, trust: np.ndarray, carried: np.ndarray) -> np.ndarray:
    """The cubics nearest to the moved samples, held to the carried ones; outliers lose weight."""
    points = carried
    held = _STIFFNESS * np.eye(4)
    for _ in range(_ROUNDS):
        stray = np.linalg.norm(moved - _DESIGN @ points, axis=2)
        weights = trust * np.minimum(1, OUTLIER_PX / np.maximum(stray, 1e-6))
        weighted = np.swapaxes(_DESIGN[None] * weights[..., None], 1, 2)
        right = weighted @ moved + held @ carried
        points = np.linalg.solve(weighted @ _DESIGN + held, right)
    return points
