"""Rings among the lines: wheels, rims and eyes, of which edges show arcs only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from sketch.edges.chains import Chain
from sketch.edges.edge_map import EdgeMap
from sketch.strokes import CANVAS

# An arc that tells of a ring is so long, and turns by so much, radians.
_SHORTEST_ARC_PX, _LEAST_TURN = 14, 1.2
# Long lines are looked at in parts of these lengths.
_PARTS_PX = (24, 48, 96, 160)
_MOST_ARCS = 48
# Rings are as large, and so round.
_SMALLEST_PX, _LARGEST_PX, _FLATTEST = 9.0, 200.0, 0.35
# An edge that is this near and has the ring's direction (cosine) is a part of it. A ring is seen
# where edges are parts of so much of it.
_NEAR_PX, _ALONG, _SEEN = 2.5, 0.9, 0.72
# Of two rings whose middles, and whose sizes, differ by less than these shares one is enough.
_APART, _OTHER_SIZE = 0.35, 0.45
_MOST_RINGS = 6
# A ring, an eye say, is worth more than its lines: as if it was longer by this. Further rings are
# not, as spots and windows come in numbers.
_LONGER_PX, _FIRST_RINGS = 120.0, 2


@dataclass(frozen=True)
class _Ring:
    points: np.ndarray
    weights: np.ndarray
    seen: float
    middle: tuple[float, float]
    size_px: float


def rings(chains: Sequence[Chain], edges: EdgeMap) -> list[Chain]:
    """Closed ellipses most of whose way lies on edges, the weightiest first.

    Each arc of the lines, and each two of them, say what ellipse they would be a part of.
    """
    arcs = list(_arcs(chains))[:_MOST_ARCS]
    if not arcs:
        return []
    field = _Field(edges)
    found = []
    for first, arc in enumerate(arcs):
        for other in (None, *arcs[first + 1 :]):
            points = arc if other is None else np.concatenate((arc, other))
            ring = _ring_through(points, field)
            if ring is not None:
                found.append(ring)
    found.sort(key=lambda ring: -(ring.seen**3) * float(ring.weights.mean()) * ring.size_px**0.25)
    kept: list[_Ring] = []
    for ring in found:
        if len(kept) < _MOST_RINGS and not any(_alike(ring, other) for other in kept):
            kept.append(ring)
    return [
        Chain(ring.points, _bonus(ring, rank) * ring.weights, closed=True, halves=True)
        for rank, ring in enumerate(kept)
    ]


def _bonus(ring: _Ring, rank: int) -> float:
    around_px = np.pi * ring.size_px
    return 1 + _LONGER_PX / around_px if rank < _FIRST_RINGS else 1.0


def _arcs(chains: Sequence[Chain]) -> Iterator[np.ndarray]:
    """Stretches of the lines that turn to one side, (points, 2), of the weightiest lines first."""
    for chain in chains:
        count = len(chain.points)
        for length in (*(part for part in _PARTS_PX if part < count), count):
            for begin in range(0, count - length + 1, max(1, length // 2)):
                points = chain.points[begin : begin + length]
                if len(points) >= _SHORTEST_ARC_PX and abs(_turn(points)) > _LEAST_TURN:
                    yield points


def _turn(points: np.ndarray) -> float:
    """By what angle a line turns in all; 0 where it turns both ways."""
    ways = points[4:] - points[:-4]
    angles = np.unwrap(np.arctan2(ways[:, 1], ways[:, 0]))
    turned, both = float(angles[-1] - angles[0]), float(np.abs(np.diff(angles)).sum())
    return turned if abs(turned) > 0.8 * both else 0.0


class _Field:
    """What the nearest edge of each pixel is."""

    def __init__(self, edges: EdgeMap) -> None:
        columns, rows = edges.pixels.astype(int).T
        free = np.ones((CANVAS, CANVAS), np.uint8)
        free[rows, columns] = 0
        self._distance, labels = cv2.distanceTransformWithLabels(
            free, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        which = np.zeros(int(labels.max()) + 1, int)
        which[labels[rows, columns]] = np.arange(len(rows))
        self._nearest = which[labels]
        self._tangents = edges.tangents
        self._weights = edges.weights / max(float(edges.weights.max()), 1e-6)

    def weights_along(self, points: np.ndarray, along: np.ndarray) -> tuple[np.ndarray, float]:
        """The weights of the edges that go the same way at points, (points,); 0 where none do.

        Beside it, how much of the way is seen, 0 to 1. A ring is darker than what is around it, or
        lighter: where edges are of both kinds it is seen less.
        """
        columns, rows = points.astype(int).clip(0, CANVAS - 1).T
        nearest = self._nearest[rows, columns]
        same = (self._tangents[nearest] * along).sum(axis=1)
        inside = ((points >= 0) & (points < CANVAS)).all(axis=1)
        near = (self._distance[rows, columns] < _NEAR_PX) & inside
        darker, lighter = near & (same > _ALONG), near & (same < -_ALONG)
        weights = np.where(darker | lighter, self._weights[nearest], 0).astype(np.float32)
        either, most = (darker | lighter).mean(), max(darker.mean(), lighter.mean())
        return weights, float(either + most) / 2


def _ring_through(points: np.ndarray, field: _Field) -> _Ring | None:
    (x, y), axes, angle_deg = cv2.fitEllipseDirect(np.ascontiguousarray(points, np.float32))
    short, long = min(axes), max(axes)
    # Written so that a fit which is no number fails too.
    if not (short >= _SMALLEST_PX and long <= _LARGEST_PX and short >= _FLATTEST * long):
        return None
    if not (0 <= x < CANVAS and 0 <= y < CANVAS):
        return None
    # From one end of the longer axis: a hand draws an eye in two strokes, corner to corner.
    begin = 0.0 if axes[0] == long else np.pi / 2
    turns = begin + np.linspace(0, 2 * np.pi, 2 * max(12, round(np.pi * (short + long) / 6)) + 1)
    half = np.array(axes) / 2
    angle = np.deg2rad(angle_deg)
    turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    ring = (np.stack((np.cos(turns), np.sin(turns)), 1) * half) @ turned + (x, y)
    along = (np.stack((-np.sin(turns), np.cos(turns)), 1) * half) @ turned
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    weights, seen = field.weights_along(ring, along)
    if seen < _SEEN:
        return None
    # Where no edge is seen the ring is closed by what the others are worth, half of it.
    weights = np.where(weights > 0, weights, weights[weights > 0].mean() / 2)
    return _Ring(
        ring.astype(np.float32), weights.astype(np.float32), seen, (x, y), (short + long) / 2
    )


def _alike(one: _Ring, other: _Ring) -> bool:
    size_px = max(one.size_px, other.size_px)
    apart = np.hypot(one.middle[0] - other.middle[0], one.middle[1] - other.middle[1])
    return bool(
        apart < _APART * size_px and abs(one.size_px - other.size_px) < _OTHER_SIZE * size_px
    )
