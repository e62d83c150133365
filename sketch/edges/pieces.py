"""Which stretches of the lines become strokes: the best few, each near to one cubic curve."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sketch.edges.chains import Chain

_SAMPLES = 16
# What a stroke may stray from its line before that stretch is worth nothing to it: sixteen strokes
# follow closely, with four each has to stand for more.
_TOLERANCE_PX = 2.5
_SHORTEST_PX = 12.0
_LONGEST_PX = 260.0
# Pairs of nodes grow with the square: this bounds the work for a picture full of lines.
_NODES = 90
_FINEST_STEP_PX = 4.0


@dataclass(frozen=True)
class Piece:
    """A stretch of a line for one stroke.

    samples: float32 (16, 2), canvas pixels, evenly spaced
    value: the weight that its curve would cover
    """

    samples: np.ndarray
    value: float


def best_pieces(chains: list[Chain], count: int, *, of: int | None = None) -> list[Piece]:
    """At most `count` stretches that do not overlap and cover the most weight, best first.

    of: how many the sketch has in all, where these are a part of it: with fewer each may stray more
    """
    shortest_px = min(_SHORTEST_PX, max((chain.length_px for chain in chains), default=0.0))
    options = [
        _Halves(chain) if chain.halves else _Splitting(chain, count, of or count)
        for chain in chains
        if chain.length_px >= shortest_px
    ]
    shares = _share_out([option.values for option in options], count)
    pieces = [
        piece
        for option, share in zip(options, shares, strict=True)
        for piece in option.pieces(share)
    ]
    return sorted(pieces, key=lambda piece: -piece.value)


def _share_out(values: list[np.ndarray], count: int) -> list[int]:
    """How many strokes each line gets; values[i][k] is what k strokes of line i are worth."""
    best = np.zeros(count + 1)
    choices = []
    for value in values:
        padded = np.full((count + 1, count + 1), -np.inf)
        for strokes in range(min(len(value), count + 1)):
            padded[strokes, strokes:] = best[: count + 1 - strokes] + value[strokes]
        choices.append(padded.argmax(0))
        best = padded.max(0)
    shares, left = [], count
    for choice in reversed(choices):
        shares.append(int(choice[left]))
        left -= shares[-1]
    return shares[::-1]


class _Splitting:
    """All ways to cut one line into strokes.

    values[k] is what the best k stretches are worth together, from none on.
    """

    def __init__(self, chain: Chain, count: int, of: int) -> None:
        length_px = chain.length_px
        self._step_px = max(_FINEST_STEP_PX, length_px / _NODES)
        nodes = max(2, round(length_px / self._step_px) + 1)
        self._path = _Path(chain)
        self._positions = np.linspace(0, length_px, nodes)
        self._worth = self._worths(max(_TOLERANCE_PX, _TOLERANCE_PX * math.sqrt(16 / of)))
        most = max(1, min(count, int(length_px // _SHORTEST_PX)))
        self._table, self._begins = _best_cuts(self._worth, most)
        self.values = self._table[:, -1]

    def pieces(self, count: int) -> list[Piece]:
        found, node = [], len(self._positions) - 1
        for strokes in range(count, 0, -1):
            while node > 0 and self._table[strokes, node - 1] >= self._table[strokes, node]:
                node -= 1
            begin = int(self._begins[strokes, node])
            if begin < 0:
                break
            span = self._positions[[begin, node]]
            samples = self._path.at(np.linspace(span[0], span[1], _SAMPLES))[0]
            found.append(Piece(samples, float(self._worth[begin, node])))
            node = begin
        return found

    def _worths(self, tolerance_px: float) -> np.ndarray:
        """What the curve between two nodes covers, (nodes, nodes); -inf where there is none."""
        positions = self._positions
        way_px = positions[None] - positions[:, None]
        fits = (way_px >= min(_SHORTEST_PX, positions[-1]) - 1e-6) & (way_px <= _LONGEST_PX)
        begins, ends = np.nonzero(fits)
        shares = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
        along = positions[begins, None] + shares * way_px[begins, ends][:, None]
        points, weights = self._path.at(along)
        stray = points - np.einsum("mn,knd->kmd", _projection(_SAMPLES), points)
        kept = np.maximum(0, 1 - (stray**2).sum(2) / tolerance_px**2)
        worth = np.full(way_px.shape, -np.inf)
        covered = np.where(weights > 0, weights * kept, weights).mean(1)
        worth[begins, ends] = covered * way_px[begins, ends]
        return worth


class _Halves:
    """A line that is drawn as two halves or not at all."""

    def __init__(self, chain: Chain) -> None:
        path, half_px = _Path(chain), chain.length_px / 2
        spans = [np.linspace(begin, begin + half_px, _SAMPLES) for begin in (0.0, half_px)]
        found = [path.at(span) for span in spans]
        self._pieces = [Piece(points, float(weights.mean()) * half_px) for points, weights in found]
        self.values = np.array([0.0, 0.0, sum(piece.value for piece in self._pieces)])

    def pieces(self, count: int) -> list[Piece]:
        return self._pieces if count == 2 else []


class _Path:
    """A line by the way along it."""

    def __init__(self, chain: Chain) -> None:
        steps = np.linalg.norm(np.diff(chain.points, axis=0), axis=1)
        self._way_px = np.concatenate(([0.0], np.cumsum(steps)))
        self._chain = chain

    def at(self, positions_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (..., 2) and weights (...) there."""
        points = self._chain.points
        columns = [np.interp(positions_px, self._way_px, points[:, axis]) for axis in (0, 1)]
        weights = np.interp(positions_px, self._way_px, self._chain.weights)
        return np.stack(columns, -1).astype(np.float32), weights.astype(np.float32)


def _best_cuts(worth: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """table[k, j]: the most that k stretches are worth that end at node j or before.

    Beside it the node where the last of them begins when it ends at j, -1 where none does.
    """
    nodes = len(worth)
    table = np.zeros((most + 1, nodes))
    begins = np.full((most + 1, nodes), -1)
    for strokes in range(1, most + 1):
        candidates = table[strokes - 1][:, None] + worth
        begin = candidates.argmax(0)
        ending = candidates[begin, np.arange(nodes)]
        begins[strokes] = np.where(np.isfinite(ending), begin, -1)
        table[strokes] = np.maximum.accumulate(ending)
    return table, begins


@lru_cache(maxsize=4)
def _projection(count: int) -> np.ndarray:
    """Takes evenly spaced points to those of the nearest cubic, (count, count)."""
    design = bernstein_matrix((np.arange(count) + 0.5) / count)
    return (design @ np.linalg.pinv(design)).astype(np.float32)


def bernstein_matrix(shares: np.ndarray) -> np.ndarray:
    """The weights of the four control points, (..., 4), at curve parameters (...)."""
    rest = 1 - shares
    return np.stack((rest**3, 3 * rest**2 * shares, 3 * rest * shares**2, shares**3), -1)
