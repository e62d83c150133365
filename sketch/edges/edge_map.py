"""The edges of a picture that are worth a stroke."""

from dataclasses import dataclass

import cv2
import numpy as np

from sketch.canvas import Target
from sketch.strokes import CANVAS

# The blur is fine enough for legs and beaks, coarse enough for fur not to count.
_SIGMA = 1.6
_COARSE_SIGMA = 4.0
# Shares of the strongest gradients (99th percentile): where an edge begins, and where it may end.
_HIGH, _LOW = 0.28, 0.1
# A gradient of fewer grey levels than this is noise, whatever else there is.
_LEAST = 4.0
_SHORTEST_PX = 9
# Edges beside the subject count by the mask, squared: a soft mask lets the rim through.
_RIM_PX = 5


@dataclass(frozen=True)
class EdgeMap:
    """Edge pixels of a target.

    pixels: float32 (edges, 2), their centres, canvas pixels
    weights: float32 (edges,), above 0: strength by how far it belongs to the subject
    tangents: float32 (edges, 2), unit vectors along the edge
    distance: float32 (224, 224), to the nearest edge pixel, canvas pixels
    length_px: how long all edges are together, each by its share of the mask
    """

    pixels: np.ndarray
    weights: np.ndarray
    tangents: np.ndarray
    distance: np.ndarray
    length_px: float


def edge_map(target: Target) -> EdgeMap:
    """The edges of a target; none where it is blank."""
    pixels = np.round(target.picture * 255).clip(0, 255).astype(np.uint8)
    across, down, strength = _gradient(pixels, _SIGMA)
    _, _, coarse = _gradient(pixels, _COARSE_SIGMA)
    inside = _inside(target)
    # Texture has strong fine edges and none when blurred; an outline has both.
    solid = strength * np.clip(0.35 + coarse / max(float(np.quantile(coarse, 0.98)), 1e-6), 0, 1.2)
    solid = solid * inside
    top = float(np.quantile(solid[solid > 0], 0.99)) if (solid > 0).any() else 0.0
    edges = _thin(
        across, down, solid, high=max(_HIGH * top, _LEAST), low=max(_LOW * top, _LEAST / 3)
    )
    edges &= _near_the_subject(target.mask)
    edges = _without_short(edges)
    rows, columns = np.nonzero(edges)
    if len(rows) == 0:
        nothing = np.zeros((0, 2), np.float32)
        return EdgeMap(
            nothing,
            np.zeros(0, np.float32),
            nothing,
            np.full((CANVAS, CANVAS), 1e3, np.float32),
            0.0,
        )
    belongs = _belonging(target.mask)[rows, columns]
    weights = (solid[rows, columns] / max(top, 1e-6)).clip(0.05, 1.0) * belongs
    along = np.stack([-down[rows, columns], across[rows, columns]], axis=1)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    distance = cv2.distanceTransform((~edges).astype(np.uint8), cv2.DIST_L2, 5)
    return EdgeMap(
        np.stack([columns + 0.5, rows + 0.5], axis=1).astype(np.float32),
        np.maximum(weights, 1e-3).astype(np.float32),
        along.astype(np.float32),
        distance.astype(np.float32),
        float(belongs.sum()),
    )


def _gradient(pixels: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How the colour channel that changes most does so: to the right, downwards, how strongly."""
    smooth = cv2.GaussianBlur(pixels, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    smooth = smooth.astype(np.float32)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.25)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.25)
    strengths = np.hypot(across, down)
    strongest = strengths.argmax(axis=2)[..., None]
    across, down, strength = (
        np.take_along_axis(channels, strongest, axis=2)[..., 0]
        for channels in (across, down, strengths)
    )
    return across, down, strength


def _inside(target: Target) -> np.ndarray:
    """1 within the picture, 0 in its padding and on the line between: that is no edge."""
    placed, margin = target.placed, 3
    inside = np.zeros((CANVAS, CANVAS), np.float32)
    top, left = round(placed.top), round(placed.left)
    bottom, right = round(placed.top + placed.height), round(placed.left + placed.width)
    inside[
        top + margin * (top > 0) : bottom - margin * (bottom < CANVAS),
        left + margin * (left > 0) : right - margin * (right < CANVAS),
    ] = 1
    return inside


def _thin(
    across: np.ndarray, down: np.ndarray, strength: np.ndarray, *, high: float, low: float
) -> np.ndarray:
    """One pixel wide lines of the strong edges, and the weaker ones that they are part of."""
    angle = np.round(np.arctan2(down, across) / (np.pi / 4)).astype(int) % 4
    padded = np.pad(strength, 1)
    ridge = np.zeros(strength.shape, bool)
    for number, (y, x) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        one = padded[1 + y : CANVAS + 1 + y, 1 + x : CANVAS + 1 + x]
        other = padded[1 - y : CANVAS + 1 - y, 1 - x : CANVAS + 1 - x]
        ridge |= (angle == number) & (strength >= one) & (strength > other)
    weak = ridge & (strength > low)
    _, parts = cv2.connectedComponents(weak.astype(np.uint8), connectivity=8)
    kept = np.unique(parts[weak & (strength > high)])
    return weak & np.isin(parts, kept[kept > 0])


def _belonging(mask: np.ndarray) -> np.ndarray:
    """How far an edge here is the subject's, whose outline lies on the rim of the mask."""
    side = 2 * _RIM_PX + 1
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) ** 2


def _near_the_subject(mask: np.ndarray) -> np.ndarray:
    return _belonging(mask) > 0.06


def _without_short(edges: np.ndarray) -> np.ndarray:
    count, parts, statistics, _ = cv2.connectedComponentsWithStats(
        edges.astype(np.uint8), connectivity=8
    )
    long_enough = statistics[:, cv2.CC_STAT_AREA] >= _SHORTEST_PX
    long_enough[0] = False
    del count
    return long_enough[parts]
