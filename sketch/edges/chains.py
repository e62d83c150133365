"""Edge pixels strung into long smooth lines, as a hand would follow them."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from sketch.edges.edge_map import EdgeMap
from sketch.strokes import CANVAS

# Shorter lines are texture or the leftovers of a stair's corner.
_SHORTEST_PX = 5.0
# Ends that lie this near and point at each other are one line with a gap in it.
_WIDEST_GAP_PX = 12.0
# A line of ink is three pixels wide: a second edge within that of a stronger one adds nothing.
_SAME_LINE_PX = 3
_SAME_LINE_WEIGHT = 0.05
_OWN_DOUBLE_PX = 5
# Paper that a joined line crosses counts against it.
_PAPER_WEIGHT = -0.5
_OUTLINE_BONUS = 1.5

_STRIDE = CANVAS + 6  # three rows and columns of nothing on each side
_NEAR = tuple((x, y) for y in (-1, 0, 1) for x in (-1, 0, 1) if (x, y) != (0, 0))
_FAR = tuple((x, y) for y in range(-2, 3) for x in range(-2, 3) if max(abs(x), abs(y)) == 2)


@dataclass(frozen=True)
class Chain:
    """One line of edge pixels in order.

    points: float32 (n, 2), canvas pixels, one to three pixels apart, smoothed
    weights: float32 (n,), how much ink on that pixel is worth; negative on paper
    closed: whether it ends where it began
    halves: whether it is drawn as two halves or not at all
    """

    points: np.ndarray
    weights: np.ndarray
    closed: bool = False
    halves: bool = False

    @property
    def length_px(self) -> float:
        """The way along it."""
        return float(np.linalg.norm(np.diff(self.points, axis=0), axis=1).sum())


def edge_chains(edges: EdgeMap) -> list[Chain]:
    """The lines of an edge map, the weightiest first; empty where it has no edges.

    The outline counts more than what lies inside it, and where two lines run within a stroke's
    width of each other, the weaker one counts next to nothing.
    """
    if len(edges.pixels) == 0:
        return []
    weights = np.maximum(edges.weights.astype(np.float32), 1e-6)
    weights = weights / weights.max() * (1 + _OUTLINE_BONUS * _outline(edges))
    lines = [line for line in _trace(edges.pixels, weights) if len(line) >= _SHORTEST_PX]
    chains = [Chain(_smooth(edges.pixels[line]), weights[line]) for line in lines]
    chains = [_closed_at_a_corner(chain) for chain in _join(chains)]
    chains = [_without_own_double(chain) for chain in _without_specks(chains)]
    chains.sort(key=lambda chain: -float(chain.weights.sum()))
    return without_doubles(chains)


def _outline(edges: EdgeMap) -> np.ndarray:
    """Which edge pixels are the subject's outline: the rim of its mask, where that has one."""
    return edges.rim if edges.rim.any() else outerness(edges)


def outerness(edges: EdgeMap) -> np.ndarray:
    """Which edge pixels can be reached from the canvas's border, float32 (n,), 0 or 1.

    Weak edges do not stop one on the way in, so a faint background leaves the outline outer.
    """
    columns, rows = edges.pixels.astype(int).T
    strong = edges.weights >= 0.3 * edges.weights.max()
    wall = np.zeros((CANVAS, CANVAS), np.uint8)
    wall[rows[strong], columns[strong]] = 1
    ball = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    padded = cv2.copyMakeBorder(cv2.dilate(wall, ball), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(padded, None, (0, 0), 2)
    outside = (padded == 2).astype(np.uint8)[1:-1, 1:-1]
    reach = cv2.dilate(outside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    return reach[rows, columns].astype(np.float32)


def _trace(pixels: np.ndarray, weights: np.ndarray) -> list[list[int]]:
    """Indices of the pixels of each line, from the weightiest pixels on, straight on at forks."""
    cells = (pixels[:, 1].astype(int) + 3) * _STRIDE + pixels[:, 0].astype(int) + 3
    free: dict[int, int] = {int(cell): index for index, cell in enumerate(cells)}
    lines = []
    for index in np.argsort(-weights, kind="stable").tolist():
        cell = int(cells[index])
        if cell not in free:
            continue
        free.pop(cell)
        ahead, heading = _walk(free, cell, None)
        behind, _ = _walk(free, cell, (-heading[0], -heading[1]))
        lines.append([*reversed(behind), index, *ahead])
    return lines


def _walk(
    free: dict[int, int], cell: int, heading: tuple[float, float] | None
) -> tuple[list[int], tuple[float, float]]:
    """Take the pixels from `cell` on out of `free`; also the direction of the first steps."""
    taken: list[int] = []
    right, down = heading or (0.0, 0.0)
    first = (0.0, 0.0)
    while True:
        step = _step(free, cell, right, down)
        if step is None:
            return taken, first
        x, y = step
        cell += y * _STRIDE + x
        taken.append(free.pop(cell))
        length = math.hypot(x, y)
        right, down = 0.7 * right + 0.3 * x / length, 0.7 * down + 0.3 * y / length
        if len(taken) <= 4:
            first = (right, down)


def _step(free: dict[int, int], cell: int, right: float, down: float) -> tuple[int, int] | None:
    """The free neighbour that lies most straight ahead; over a gap of a pixel if need be."""
    size = math.hypot(right, down)
    for ring, least in ((_NEAR, -0.3), (_FAR, 0.6)):
        best, found = least, None
        for x, y in ring:
            if cell + y * _STRIDE + x in free:
                straight = (x * right + y * down) / math.hypot(x, y) / size if size else 0.0
                if straight > best:
                    best, found = straight, (x, y)
        if found:
            return found
    return None


def _smooth(points: np.ndarray) -> np.ndarray:
    """The stairs of the pixel grid taken out; the ends stay."""
    reach = min(3, len(points) // 2)
    kernel = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * 1.5**2))
    padded = np.concatenate(
        (
            2 * points[:1] - points[reach:0:-1],
            points,
            2 * points[-1:] - points[-2 : -reach - 2 : -1],
        )
    )
    kernel /= kernel.sum()
    return np.stack([np.convolve(padded[:, axis], kernel, "valid") for axis in (0, 1)], 1).astype(
        np.float32
    )


def _join(chains: list[Chain]) -> list[Chain]:
    """Lines whose ends point at each other made one, the best matching ends first."""
    if not chains:
        return []
    points, directions = _ends(chains)
    way = points[None] - points[:, None]
    gap = np.linalg.norm(way, axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.where(gap[..., None] > 1.5, way / gap[..., None], directions[:, None])
    leaving = (unit * directions[:, None]).sum(2)
    arriving = -(unit * directions[None]).sum(2)
    straight = np.minimum(leaving, np.minimum(arriving, -(directions @ directions.T)))
    least = np.where(gap < 3.5, 0.2, 0.75)
    fits = (gap <= _WIDEST_GAP_PX) & (straight > least)
    np.fill_diagonal(fits, False)
    partner: dict[int, int] = {}
    firsts, seconds = np.nonzero(np.triu(fits))
    cost = gap[firsts, seconds] + 10 * (1 - straight[firsts, seconds])
    for pair in np.argsort(cost, kind="stable"):
        first, second = int(firsts[pair]), int(seconds[pair])
        if first not in partner and second not in partner:
            partner[first], partner[second] = second, first
    return _strung(chains, partner)


def _ends(chains: list[Chain]) -> tuple[np.ndarray, np.ndarray]:
    """Where lines end and the direction in which they would go on: (2 n, 2) each, start, end."""
    points, directions = [], []
    for chain in chains:
        back = min(7, len(chain.points) - 1)
        for end, inner in ((0, back), (-1, -1 - back)):
            points.append(chain.points[end])
            way = chain.points[end] - chain.points[inner]
            directions.append(way / max(float(np.linalg.norm(way)), 1e-6))
    return np.array(points), np.array(directions)


def _strung(chains: list[Chain], partner: dict[int, int]) -> list[Chain]:
    """The lines along their partners; end 2 i is the start of line i, 2 i + 1 its end."""
    strung, used = [], set()
    open_first = sorted(range(2 * len(chains)), key=lambda end: (end in partner, end))
    for begin in open_first:
        if begin // 2 in used:
            continue
        end, parts = begin, []
        while end // 2 not in used:
            used.add(end // 2)
            parts.append((chains[end // 2], bool(end % 2)))
            end ^= 1
            if end not in partner:
                break
            end = partner[end]
        strung.append(_one_of(parts))
    return strung


def _one_of(parts: list[tuple[Chain, bool]]) -> Chain:
    points: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    for chain, reverse in parts:
        way = slice(None, None, -1) if reverse else slice(None)
        if points:
            bridge = _bridge(points[-1][-1], chain.points[way][0])
            points.append(bridge)
            weights.append(np.full(len(bridge), _PAPER_WEIGHT, np.float32))
        points.append(chain.points[way])
        weights.append(chain.weights[way])
    return Chain(np.concatenate(points), np.concatenate(weights))


def _bridge(begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Points a pixel apart between two others, without those."""
    count = int(np.linalg.norm(end - begin))
    shares = np.arange(1, count, dtype=np.float32)[:, None] / max(count, 1)
    return begin + shares * (end - begin)


def _closed_at_a_corner(chain: Chain) -> Chain:
    """A ring begins at its sharpest corner, where a hand would set down the pencil."""
    points = chain.points
    if len(points) < 24 or np.linalg.norm(points[0] - points[-1]) > 4:
        return chain
    ahead, behind = np.roll(points, -6, 0) - points, points - np.roll(points, 6, 0)
    turn = np.abs(np.arctan2(_cross(behind, ahead), (behind * ahead).sum(1)))
    begin = int(np.argmax(turn))
    ring = np.r_[begin : len(points), : begin + 1]
    return replace(chain, points=points[ring], weights=chain.weights[ring], closed=True)


def _cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]


def _without_specks(chains: list[Chain]) -> list[Chain]:
    """Small rings count for less, as a stroke's ink would fill them; the smallest are left out.

    A picture of nothing but specks keeps them.
    """
    factors = [float(np.ptp(chain.points, axis=0).max() - 8) / 10 for chain in chains]
    if not any(factor > 0 for factor in factors):
        return chains
    return [
        replace(chain, weights=(min(factor, 1.0) * chain.weights).astype(np.float32))
        for chain, factor in zip(chains, factors, strict=True)
        if factor > 0
    ]


def _without_own_double(chain: Chain) -> Chain:
    """The way back along a thin part, a leg say, made weak where it runs beside the way there."""
    points = chain.points
    reach = _OWN_DOUBLE_PX * 3
    if len(points) < 2 * reach:
        return chain
    near = np.square(points[:, None] - points[None]).sum(2) < _OWN_DOUBLE_PX**2
    far_along = np.tri(len(points), k=-reach, dtype=bool)
    if chain.closed:
        far_along &= ~np.tri(len(points), k=reach - len(points), dtype=bool)
    back = (near & far_along).any(1) & (chain.weights > 0)
    weights = np.where(back, _SAME_LINE_WEIGHT * chain.weights, chain.weights)
    return replace(chain, weights=weights.astype(np.float32))


def without_doubles(chains: list[Chain]) -> list[Chain]:
    """Lines beside a weightier one made weak where ink would cover both."""
    covered = np.zeros((CANVAS, CANVAS), np.uint8)
    single = []
    for chain in chains:
        columns, rows = np.clip(chain.points.astype(int), 0, CANVAS - 1).T
        double = (covered[rows, columns] > 0) & (chain.weights > 0)
        weights = np.where(double, _SAME_LINE_WEIGHT * chain.weights, chain.weights)
        single.append(replace(chain, weights=weights.astype(np.float32)))
        line = chain.points.astype(np.int32)[:, None]
        cv2.polylines(covered, [line], False, 1, thickness=2 * _SAME_LINE_PX + 1)
    return single
