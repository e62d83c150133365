"""The first strokes of a sketch, from edges alone: long, the outline before what is inside."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from sketch.edges.chains import Chain, edge_chains, without_doubles
from sketch.edges.edge_map import EdgeMap
from sketch.edges.ellipses import rings
from sketch.edges.pieces import Piece, bernstein_matrix, best_pieces
from sketch.strokes import CANVAS

# How often each sample moves to the nearest parameter of its curve before the next fit.
_ITERATIONS = 3
# Ends count more, so that two strokes of one line meet.
_END_WEIGHT = 6.0
# Another seed sees the weights of the lines changed by about this factor.
_SEED_SPREAD = 0.35
_DOT_PX = 1.0
# Strokes are chosen in two halves; where there are few, at once: they have to share an outline.
_AT_ONCE = 8
# How far lines beside those that are drawn are weakened, and over what distance.
_FADING, _BESIDE_PX = 0.7, 9.0
_DRAWN_PX, _DRAWN_WEIGHT = 3.0, -0.1


def fit_edges(
    edge_maps: Sequence[EdgeMap],
    count: int | Sequence[int],
    *,
    seed: int = 0,
    iterations: int = _ITERATIONS,
) -> list[np.ndarray]:
    """Control points of `count` strokes for each edge map, float32 (count, 4, 2), canvas pixels.

    The weightiest strokes come first. Seed 0 takes the best stretches of the edges; other seeds
    weigh the lines differently. Where the edges are fewer than the strokes, the longest strokes
    are halved; without any edge all strokes are dots of one pixel in the middle of the canvas.
    """
    counts = [count] * len(edge_maps) if isinstance(count, int) else list(count)
    chosen = [
        _chosen(_weighed(_lines(edges, strokes), seed), strokes)
        for edges, strokes in zip(edge_maps, counts, strict=True)
    ]
    curves = fit_cubics(_samples(chosen), iterations=iterations)
    ends = np.cumsum([len(pieces) for pieces in chosen])[:-1]
    return [
        _exactly(found, strokes)
        for found, strokes in zip(np.split(curves, ends), counts, strict=True)
    ]


def _lines(edges: EdgeMap, count: int) -> list[Chain]:
    """All that could be drawn: rings, and the other lines of the edges.

    A ring takes two strokes: where there are few, the outline needs them.
    """
    chains = edge_chains(edges)
    if count <= _AT_ONCE:
        return chains
    return without_doubles(rings(chains, edges) + chains)


def _chosen(chains: list[Chain], count: int) -> list[Piece]:
    """The best pieces, half of them first: beside what these draw, other lines are worth less."""
    if count <= _AT_ONCE:
        return best_pieces(chains, count)
    first = best_pieces(chains, count // 2, of=count)
    return first + best_pieces(_faded(chains, first), count - len(first), of=count)


def _faded(chains: list[Chain], drawn: list[Piece]) -> list[Chain]:
    """The lines with what is drawn taken out, and what lies beside it made weaker."""
    if not drawn:
        return chains
    paper = np.ones((CANVAS, CANVAS), np.uint8)
    strokes = [piece.samples.astype(np.int32)[:, None] for piece in drawn]
    cv2.polylines(paper, strokes, False, 0)
    distance = cv2.distanceTransform(paper, cv2.DIST_L2, 5)
    return [_faded_line(chain, distance) for chain in chains]


def _faded_line(chain: Chain, distance: np.ndarray) -> Chain:
    columns, rows = np.clip(chain.points.astype(int), 0, CANVAS - 1).T
    far = distance[rows, columns]
    fading = 1 - _FADING * np.exp(-np.square(far / _BESIDE_PX))
    weights = np.where(
        far <= _DRAWN_PX, np.minimum(chain.weights, _DRAWN_WEIGHT), fading * chain.weights
    )
    return replace(chain, weights=weights.astype(np.float32))


def fit_cubics(samples: np.ndarray, *, iterations: int = _ITERATIONS) -> np.ndarray:
    """The cubic nearest to each row of points in order, (n, m, 2) to float32 (n, 4, 2)."""
    count, per_stroke = samples.shape[:2]
    shares = np.tile(np.linspace(0, 1, per_stroke), (count, 1))
    weights = np.ones(per_stroke)
    weights[[0, -1]] = _END_WEIGHT
    points = _least_squares(samples, shares, weights)
    for _ in range(iterations):
        shares = _nearest_shares(points, samples, shares)
        points = _least_squares(samples, shares, weights)
    return points.astype(np.float32)


def _weighed(chains: list[Chain], seed: int) -> list[Chain]:
    if seed == 0:
        return chains
    rng = np.random.default_rng(seed)
    factors = np.exp(rng.normal(0, _SEED_SPREAD, len(chains))).astype(np.float32)
    return [
        replace(chain, weights=chain.weights * factor)
        for chain, factor in zip(chains, factors, strict=True)
    ]


def _samples(chosen: list[list[Piece]]) -> np.ndarray:
    found = [piece.samples for pieces in chosen for piece in pieces]
    return np.stack(found) if found else np.zeros((0, 4, 2), np.float32)


def _least_squares(samples: np.ndarray, shares: np.ndarray, weights: np.ndarray) -> np.ndarray:
    design = bernstein_matrix(shares)
    weighted = design * weights[:, None]
    normal = np.swapaxes(weighted, 1, 2) @ design + 1e-6 * np.eye(4)
    return np.linalg.solve(normal, np.swapaxes(weighted, 1, 2) @ samples)


def _nearest_shares(points: np.ndarray, samples: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """One Gauss–Newton step of each sample's curve parameter towards its nearest point."""
    stray = samples - bernstein_matrix(shares) @ points
    rest = 1 - shares
    slopes = np.stack((rest**2, 2 * rest * shares, shares**2), -1) * 3
    speed = slopes @ np.diff(points, axis=1)
    step = (stray * speed).sum(2) / np.maximum((speed**2).sum(2), 1e-6)
    moved = np.clip(shares + step, 0, 1)
    moved[:, 0], moved[:, -1] = 0, 1
    return np.maximum.accumulate(moved, axis=1)


def _exactly(curves: np.ndarray, count: int) -> np.ndarray:
    if len(curves) == 0:
        return _dots(count)
    while len(curves) < count:
        longest = int(np.linalg.norm(np.diff(curves, axis=1), axis=2).sum(1).argmax())
        halves = _halves(curves[longest])
        curves = np.concatenate((curves[:longest], halves, curves[longest + 1 :]))
    return curves.astype(np.float32)


def _halves(curve: np.ndarray) -> np.ndarray:
    """The two halves of one cubic (4, 2), by de Casteljau, (2, 4, 2)."""
    first = (curve[1:] + curve[:-1]) / 2
    second = (first[1:] + first[:-1]) / 2
    middle = second.mean(0)
    return np.array(
        [[curve[0], first[0], second[0], middle], [middle, second[1], first[2], curve[3]]]
    )


def _dots(count: int) -> np.ndarray:
    way = np.linspace(-_DOT_PX / 2, _DOT_PX / 2, 4)
    dot = np.stack((CANVAS / 2 + way, np.full(4, CANVAS / 2)), 1)
    return np.tile(dot, (count, 1, 1)).astype(np.float32)
