"""What sketches are measured against: the longest Canny edges of a picture, without any model."""

import cv2
import numpy as np

from sketch.canvas import Target
from sketch.raster.bezier import fit_cubic, sampled
from sketch.strokes import Strokes

_LOW, _HIGH = 60, 150
_SIGMA = 1.4
# A stroke is one curve, as in a sketch: an edge that strays farther from it is cut in two.
_STRAYS_PX = 1.5
_SHORTEST_PX = 10


def canny_strokes(target: Target, count: int) -> Strokes:
    """The `count` longest edges as single curves; all of them where there are fewer.

    The picture is seen as it is, with its background, but the padding's border is no edge.
    """
    pieces = [piece for edge in _edges(target) for piece in _curves(edge)]
    pieces.sort(key=lambda piece: -len(piece))
    curves = [fit_cubic(piece) for piece in pieces[:count]]
    return Strokes.plain(np.array(curves, np.float32).reshape(-1, 4, 2))


def _edges(target: Target) -> list[np.ndarray]:
    """Pixels of each edge in order, (pixels, 2), their centres."""
    grey = cv2.cvtColor(np.round(target.picture * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
    found = cv2.Canny(cv2.GaussianBlur(grey, (0, 0), _SIGMA), _LOW, _HIGH)
    _clear_the_border(found, target)
    outlines, _ = cv2.findContours(found, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    # OpenCV walks round an edge, there and back: each pixel counts when it is first met.
    met = np.zeros(found.shape, bool)
    edges = []
    for outline in sorted(outlines, key=len, reverse=True):
        fresh = []
        for column, row in outline[:, 0]:
            if not met[row, column]:
                met[row, column] = True
                fresh.append((column + 0.5, row + 0.5))
        edges += _without_jumps(np.array(fresh, np.float32).reshape(-1, 2))
    return edges


def _clear_the_border(edges: np.ndarray, target: Target) -> None:
    placed = target.placed
    corner = (round(placed.left), round(placed.top))
    other = (round(placed.left + placed.width) - 1, round(placed.top + placed.height) - 1)
    if corner != (0, 0) or other != (edges.shape[1] - 1, edges.shape[0] - 1):
        cv2.rectangle(edges, corner, other, 0, thickness=5)


def _without_jumps(pixels: np.ndarray) -> list[np.ndarray]:
    far = np.linalg.norm(np.diff(pixels, axis=0), axis=1) > 2
    parts = np.split(pixels, np.nonzero(far)[0] + 1)
    return [part for part in parts if len(part) >= _SHORTEST_PX]


def _curves(pixels: np.ndarray) -> list[np.ndarray]:
    """An edge cut in half until each piece is one curve."""
    if len(pixels) < 2 * _SHORTEST_PX or _strays(pixels) <= _STRAYS_PX:
        return [pixels]
    middle = len(pixels) // 2
    return _curves(pixels[: middle + 1]) + _curves(pixels[middle:])


def _strays(pixels: np.ndarray) -> float:
    curve = sampled(fit_cubic(pixels), 4 * len(pixels))
    apart = np.linalg.norm(pixels[:, None] - curve[None], axis=2)
    return float(apart.min(axis=1).max())
