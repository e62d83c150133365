"""The edges of a picture that are worth a stroke."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from sketch.canvas import Target, visible_box
from sketch.strokes import CANVAS

# The blur is fine enough for legs and beaks, coarse enough for fur not to count.
_SIGMA = 1.6
_COARSE_SIGMA = 4.0
# A vignette, or light that falls off, is as steep when it is blurred widely as when it is blurred
# finely. Even a line that is out of focus by six pixels is twice as steep.
_SHADING_SIGMA, _ABOVE_SHADING = 12.0, 1.5
# Shares of the strongest gradients (99th percentile): where an edge begins, and where it may end.
_HIGH, _LOW = 0.28, 0.1
# A gradient of fewer grey levels than this is noise, whatever else there is.
_LEAST = 4.0
_SHORTEST_PX = 9
# Edges are weighed beside the strongest of their surroundings, of which even the weakest has this
# share of the whole picture's strongest.
_AROUND_PX, _WEAKEST_PLACE = 16, 0.1
# Black bars: rows that are no brighter and no more uneven than video noise leaves black, above and
# below alike to the rounding of their place on the canvas.
_BAR_LEVEL, _BAR_SPREAD, _BARS_DIFFER_PX, _BAR_FADES_PX = 0.09, 0.03, 3, 2
_FADES_PX = 3
# Edges beside the subject count by the mask, squared: a soft mask lets the rim through.
_RIM_PX, _NEAR_THE_SUBJECT = 5, 0.06
# By how much a mask changes over its rim, at least.
_RIM_STEP = 0.4


@dataclass(frozen=True)
class EdgeMap:
    """Edge pixels of a target.

    pixels: float32 (edges, 2), their centres, canvas pixels
    weights: float32 (edges,), above 0: strength by how far it belongs to the subject
    belongs: float32 (edges,), 0 to 1: how far it belongs to the subject, however strong it is
    rim: float32 (edges,), 1 where the subject's mask ends, 0 elsewhere
    tangents: float32 (edges, 2), unit vectors along the edge
    distance: float32 (224, 224), to the nearest edge pixel, canvas pixels
    length_px: how long all edges are together, each by its share of the mask
    """

    pixels: np.ndarray
    weights: np.ndarray
    belongs: np.ndarray
    rim: np.ndarray
    tangents: np.ndarray
    distance: np.ndarray
    length_px: float

    def only(self, kept: np.ndarray) -> "EdgeMap":
        """Some of the edge pixels, bool (edges,); the distances and the length are those of all."""
        return replace(
            self,
            pixels=self.pixels[kept],
            weights=self.weights[kept],
            belongs=self.belongs[kept],
            rim=self.rim[kept],
            tangents=self.tangents[kept],
        )


def edge_map(target: Target) -> EdgeMap:
    """The edges of a target; none where it is blank."""
    box = content_box(target)
    pixels = _rim_repeated(target.picture, box)
    across, down, strength = _gradient(pixels, _SIGMA)
    _, _, coarse = _gradient(pixels, _COARSE_SIGMA)
    # Texture has strong fine edges and none when blurred; an outline has both.
    solid = strength * np.clip(0.35 + coarse / max(float(np.quantile(coarse, 0.98)), 1e-6), 0, 1.2)
    solid = solid * _inside(box) * (strength > _ABOVE_SHADING * _shading(target.picture, box))
    belongs = _belonging(target.mask)
    top = _strongest(solid, belongs)
    solid = np.minimum(solid, top)
    clear = _clear_here(solid, belongs, top)
    edges = _thin(
        across,
        down,
        solid,
        high=np.maximum(_HIGH * clear, _LEAST),
        low=np.maximum(_LOW * clear, _LEAST / 3),
    )
    edges = _without_short(edges & (belongs > _NEAR_THE_SUBJECT))
    if not edges.any():
        return _no_edges()
    weights = (solid / np.maximum(clear, 1e-6)).clip(0.05, 1.0)
    return _of_pixels(
        edges, weights * belongs, np.stack([-down, across], axis=2), belongs, _rim(target.mask)
    )


def _strongest(solid: np.ndarray, belongs: np.ndarray) -> float:
    """How strong the subject's clear edges are: a bright window behind it makes them no weaker."""
    counted = solid[(solid > 0) & (belongs > 0.5)]
    if len(counted) == 0:
        counted = solid[solid > 0]
    return float(np.quantile(counted, 0.99)) if len(counted) else 0.0


def _clear_here(solid: np.ndarray, belongs: np.ndarray, top: float) -> np.ndarray:
    """How strong a clear edge is at each place, (224, 224): less where all edges are weak.

    A flower's petals are weak beside its outline, and yet they are what tells it from a ball. That
    holds of the subject only.
    """
    side = 2 * _AROUND_PX + 1
    around = cv2.dilate(solid * (belongs > 0.5), np.ones((side, side), np.uint8))
    around = cv2.GaussianBlur(around, (0, 0), _AROUND_PX / 2)
    here = np.sqrt(top * np.maximum(around, _WEAKEST_PLACE * top))
    return np.asarray(belongs * here + (1 - belongs) * top)


def _no_edges() -> EdgeMap:
    nothing = np.zeros((0, 2), np.float32)
    far = np.full((CANVAS, CANVAS), 1e3, np.float32)
    return EdgeMap(nothing, nothing[:, 0], nothing[:, 0], nothing[:, 0], nothing, far, 0.0)


def _of_pixels(
    edges: np.ndarray, weights: np.ndarray, along: np.ndarray, belongs: np.ndarray, rim: np.ndarray
) -> EdgeMap:
    rows, columns = np.nonzero(edges)
    tangents = along[rows, columns]
    tangents /= np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), 1e-6)
    distance = cv2.distanceTransform((~edges).astype(np.uint8), cv2.DIST_L2, 5)
    return EdgeMap(
        np.stack([columns + 0.5, rows + 0.5], axis=1).astype(np.float32),
        np.maximum(weights[rows, columns], 1e-3).astype(np.float32),
        belongs[rows, columns].astype(np.float32),
        rim[rows, columns].astype(np.float32),
        tangents.astype(np.float32),
        distance.astype(np.float32),
        float(belongs[rows, columns].sum()),
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


def content_box(target: Target) -> tuple[int, int, int, int]:
    """Where the picture lies on the canvas, without black bars: top, bottom, left, right."""
    if target.whole is not None:
        return _nearer_box(target, target.whole)
    left, top, right, bottom = visible_box(target.placed)
    grey = target.picture[top:bottom, left:right].mean(axis=2)
    above, below = _bars(grey)
    before, after = _bars(grey.T)
    return top + above, bottom - below, left + before, right - after


def _nearer_box(target: Target, whole: Target) -> tuple[int, int, int, int]:
    """The same of an enlarged part, which may show one bar of two: the whole picture tells."""
    zoom = target.placed.width / whole.placed.width
    top, bottom, left, right = content_box(whole)
    down, across = (
        _within(near - zoom * far + zoom * begin, near - zoom * far + zoom * end)
        for near, far, begin, end in (
            (target.placed.top, whole.placed.top, top, bottom),
            (target.placed.left, whole.placed.left, left, right),
        )
    )
    return *down, *across


def _within(begin: float, end: float) -> tuple[int, int]:
    """The whole pixels between two places, on the canvas, one at least."""
    first = min(max(0, math.ceil(begin)), CANVAS - 1)
    return first, max(first + 1, min(CANVAS, math.floor(end)))


def _bars(grey: np.ndarray) -> tuple[int, int]:
    """How many rows of black a picture has above and below, (rows, columns) of 0 to 1.

    Bars come in pairs of one size: a night sky is none.
    """
    dark = (grey.mean(axis=1) < _BAR_LEVEL) & (grey.std(axis=1) < _BAR_SPREAD)
    if dark.all():
        return 0, 0
    above, below = int((~dark).argmax()), int((~dark)[::-1].argmax())
    if not (above and below) or abs(above - below) > _BARS_DIFFER_PX:
        return 0, 0
    return above + _BAR_FADES_PX, below + _BAR_FADES_PX


def _rim_repeated(picture: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """uint8 RGB (224, 224, 3) in which what is outside of the box goes on as the rim inside of it.

    White padding beside a picture, or a black bar, would be its strongest edge.
    """
    top, bottom, left, right = box
    pixels = np.round(picture[top:bottom, left:right] * 255).clip(0, 255).astype(np.uint8)
    return np.pad(pixels, ((top, CANVAS - bottom), (left, CANVAS - right), (0, 0)), mode="edge")


def _shading(picture: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """How steep the picture is where all that is small in it is blurred, (224, 224)."""
    top, bottom, left, right = box
    around = ((top, CANVAS - bottom), (left, CANVAS - right), (0, 0))
    values = picture[top:bottom, left:right] * 255
    # Light falls off beyond the rim as it does inside of it.
    going_on = np.pad(values, around, mode="reflect", reflect_type="odd")
    return _gradient(going_on.astype(np.float32), _SHADING_SIGMA)[2]


def _inside(box: tuple[int, int, int, int]) -> np.ndarray:
    """1 within the box, 0 outside and on the line between, where a resized picture fades."""
    top, bottom, left, right = box
    inside = np.zeros((CANVAS, CANVAS), np.float32)
    inside[
        top + _FADES_PX * (top > 0) : bottom - _FADES_PX * (bottom < CANVAS),
        left + _FADES_PX * (left > 0) : right - _FADES_PX * (right < CANVAS),
    ] = 1
    return inside


def _thin(
    across: np.ndarray, down: np.ndarray, strength: np.ndarray, *, high: np.ndarray, low: np.ndarray
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


def _rim(mask: np.ndarray) -> np.ndarray:
    """Where the mask changes from subject to background, bool (224, 224)."""
    side = 2 * _RIM_PX + 1
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(mask, ellipse) - cv2.erode(mask, ellipse) > _RIM_STEP)


def _without_short(edges: np.ndarray) -> np.ndarray:
    count, parts, statistics, _ = cv2.connectedComponentsWithStats(
        edges.astype(np.uint8), connectivity=8
    )
    long_enough = statistics[:, cv2.CC_STAT_AREA] >= _SHORTEST_PX
    long_enough[0] = False
    del count
    return long_enough[parts]
