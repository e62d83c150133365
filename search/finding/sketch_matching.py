"""Which sketches hold the shape of a drawing, wherever and however large they hold it.

A drawing is laid over a sketch at every place and in several sizes. Compared is how much line
runs in which direction where; a place full of lines must fit better than an empty one
(normalised correlation, by Fourier transform). Figures: benchmarks/drawing_queries.py.
"""

import math
import threading
from collections.abc import Sequence

import numpy as np
import torch
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from torch.nn import functional

from search.catalog.tables import SegmentSketch
from search.queries.drawings import LineDrawing

_GRID, _DIRECTIONS = 32, 6
# The grid with room around it, so that what leaves it on one side does not enter on the other.
_PADDED = 48
_SIZES = (0.18, 0.25, 0.35, 0.5, 0.7, 0.95)  # of the drawing, as a part of the sketch's side
# Larger sizes say a little more than small ones, which fit somewhere by chance.
_SIZE_COUNTS = 0.15
# A part of the drawing's own ink that every place seems to hold: emptiness is no good fit.
_EMPTINESS = 0.1
_SAMPLES = 24  # points of each stroke
_CANVAS = 224.0  # side of the canvas that stored strokes are drawn on
_AT_ONCE = 500  # sketches: 60 MB


class SketchMatcher:
    """The sketches of a library, ready to be compared; read again when they have changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: tuple[object, np.ndarray, torch.Tensor] | None = None

    def similarities(self, session: Session, drawing: LineDrawing) -> tuple[np.ndarray, np.ndarray]:
        """How well each sketch holds the drawing: ids of segments in order (n,), and 0 to 1 (n,).

        Both are empty where nothing is sketched.
        """
        ids, maps = self._maps(session)
        templates = _templates(drawing.strokes)
        if not len(ids) or not templates:
            return ids[:0], np.empty(0)
        with torch.inference_mode():
            found = [_best(chunk.float() / 255, templates) for chunk in maps.split(_AT_ONCE)]
        return ids, torch.cat(found).double().numpy()

    def _maps(self, session: Session) -> tuple[np.ndarray, torch.Tensor]:
        """Ids (n,), and how much line runs where, uint8 (n, directions, grid, grid)."""
        count, newest = session.execute(
            select(func.count(), func.max(SegmentSketch.drawn_at)).select_from(SegmentSketch)
        ).one()
        with self._lock:
            if self._known is None or self._known[0] != (count, newest):
                rows = session.execute(
                    select(SegmentSketch.segment_id, SegmentSketch.points).order_by(
                        SegmentSketch.segment_id
                    )
                ).all()
                ids = np.array([row.segment_id for row in rows], np.int64)
                self._known = ((count, newest), ids, _stored_maps([row.points for row in rows]))
            return self._known[1], self._known[2]


def _stored_maps(packed: Sequence[bytes]) -> torch.Tensor:
    maps = torch.empty(len(packed), _DIRECTIONS, _GRID, _GRID, dtype=torch.uint8)
    for place, points in enumerate(packed):
        curves = np.frombuffer(points, "<f4").reshape(-1, 4, 2) / _CANVAS
        maps[place] = (_line_map(_sampled(curves)) * 255).clamp(max=255).round().to(torch.uint8)
    return maps


def _sampled(curves: np.ndarray) -> list[np.ndarray]:
    """Points along cubic Bézier curves (strokes, 4, 2)."""
    t = np.linspace(0, 1, _SAMPLES)[:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3])
    return list(np.einsum("tk,nkd->ntd", weights, curves))


def _line_map(lines: Sequence[np.ndarray]) -> torch.Tensor:
    """How much line runs in which direction where, (directions, grid, grid); 1 is a full line."""
    starts = np.concatenate([line[:-1] for line in lines])
    steps = np.concatenate([line[1:] for line in lines]) - starts
    lengths = np.hypot(*steps.T) * _GRID
    columns, rows = ((starts + steps / 2).T * _GRID).astype(int).clip(0, _GRID - 1)
    angles = np.arctan2(steps[:, 1], steps[:, 0]) % np.pi / np.pi * _DIRECTIONS
    lower = np.floor(angles).astype(int)
    amounts = np.zeros((_DIRECTIONS, _GRID, _GRID), np.float32)
    for direction, share in ((lower, 1 - (angles - lower)), (lower + 1, angles - lower)):
        np.add.at(amounts, (direction % _DIRECTIONS, rows, columns), lengths * share)
    blurred = functional.avg_pool2d(torch.from_numpy(amounts)[None], 3, 1, 1)
    # Roots, so that one thick knot of lines does not outweigh all others.
    return functional.avg_pool2d(blurred, 3, 1, 1)[0].sqrt()


def _templates(strokes: Sequence[np.ndarray]) -> list[tuple[float, torch.Tensor]]:
    """The drawing in each size, cut out close around it; none for a dot."""
    lines = [stroke for stroke in strokes if len(stroke) > 1]
    if not lines:
        return []
    points = np.concatenate(lines)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max())
    if extent <= 0:
        return []
    found = []
    for size in _SIZES:
        fitted = [(line - (low + high) / 2) / extent * size + 0.5 for line in lines]
        reach = round(size * _GRID) // 2 + 2
        inside = slice(max(0, _GRID // 2 - reach), _GRID // 2 + reach)
        found.append((size, _line_map(fitted)[:, inside, inside]))
    return found


def _best(maps: torch.Tensor, templates: Sequence[tuple[float, torch.Tensor]]) -> torch.Tensor:
    """How well each map, (n, directions, grid, grid), fits in the best place and size, (n,)."""
    padded = (_PADDED, _PADDED)
    spectra = torch.fft.rfft2(maps, s=padded)
    ink = torch.fft.rfft2(maps.square().sum(dim=1), s=padded)
    best = torch.zeros(len(maps))
    for size, template in templates:
        own_ink = float(template.square().sum())
        shape = torch.fft.rfft2(template, s=padded).conj()
        window = torch.fft.rfft2(torch.ones(template.shape[1:]), s=padded).conj()
        common = torch.fft.irfft2((spectra * shape).sum(dim=1), s=padded)
        there = torch.fft.irfft2(ink * window, s=padded).clamp(min=0)
        fit = common / ((there + _EMPTINESS * own_ink).sqrt() * math.sqrt(own_ink))
        best = torch.maximum(best, fit.flatten(1).amax(dim=1) * size**_SIZE_COUNTS)
    return best.clamp(0, 1)
