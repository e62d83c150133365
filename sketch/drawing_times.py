"""When a hand that draws a sketch begins each stroke, and how long it takes over it."""

import numpy as np

from sketch.strokes import Strokes

# A quick but unhurried hand; dots too are seen to be made.
_PIXELS_PER_S = 400.0
_LEAST_S = 0.1
# Nobody watches a preview for longer.
_LONGEST_S = 6.0
# Straight pieces by which a curve's length is measured.
_PIECES = 32


def drawing_times(strokes: Strokes) -> np.ndarray:
    """When each stroke begins and how long it takes, in seconds; float64 (strokes, 2).

    One stroke follows the other, each as long as its line is; the whole takes at most 6 s.
    """
    lengths_s = np.maximum(_LEAST_S, _lengths(strokes.points) / _PIXELS_PER_S)
    lengths_s *= min(1.0, _LONGEST_S / max(_LONGEST_S, float(lengths_s.sum())))
    return np.stack([lengths_s.cumsum() - lengths_s, lengths_s], axis=1)


def _lengths(points: np.ndarray) -> np.ndarray:
    t = np.linspace(0, 1, _PIECES + 1)[:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    drawn = np.einsum("mk,skd->smd", weights, points.astype(np.float64))
    return np.linalg.norm(np.diff(drawn, axis=1), axis=2).sum(axis=1)
