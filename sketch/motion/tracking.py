"""One drawing taken through all keyframes of a segment: the animated sketch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from sketch.canvas import Target
from sketch.drawing.artist import Artist
from sketch.drawing.energy import StrokeEnergy
from sketch.edges.edge_map import EdgeMap, edge_map
from sketch.edges.fit import fit_edges
from sketch.edges.pieces import bernstein_matrix
from sketch.motion.following import followed
from sketch.motion.frame_motion import padded_to_canvas
from sketch.motion.temporal import TemporalSettings, refined_together
from sketch.strokes import CANVAS, Drawing, Strokes

_DESIGN = bernstein_matrix(np.linspace(0, 1, 24))
# A stroke has lost its edge when fewer of its points than this lie near one.
_NEAR_PX = 5.0
_HELD = 0.25
# But one that was found again in each frame since the last keyframe is where it should be.
_FOUND_AGAIN = 0.5
# None goes so far by itself from one keyframe to the next, canvas pixels: to a viewer it would
# jump. With all others it may.
_LONG_WAY = 0.1 * CANVAS
# New strokes have to be worth it: this long, on edges at least so strong.
_BORN_PX = 20.0
_BORN_WEIGHT = 0.3


@dataclass(frozen=True)
class _Moment:
    """The strokes of one keyframe, and which of them are seen."""

    points: np.ndarray
    seen: np.ndarray


def animate_keyframes(
    artist: Artist,
    targets: Sequence[Target],
    frames: np.ndarray,
    first: Drawing,
    *,
    keyframes: Sequence[int] | None = None,
    seed: int = 0,
    settings: TemporalSettings | None = None,
) -> list[Strokes]:
    """The strokes of `first` in every keyframe: equal numbers, and stroke i is always the same one.

    targets: one a keyframe, all placed alike on the canvas
    frames: uint8 RGB (frames, height, width, 3), in order; with more frames than keyframes the
        strokes are followed through those between
    first: the drawing of the first keyframe
    keyframes: which of the frames the targets are; by default each of them

    A stroke that loses its edges fades: opacity 0 from that keyframe on. A stroke that has faded
    may come back elsewhere two keyframes later; it lies there, unseen, one keyframe before.
    """
    numbers = list(range(len(frames))) if keyframes is None else list(keyframes)
    if len(numbers) != len(targets):
        raise ValueError(f"{len(targets)} targets need as many keyframes, not {len(numbers)}")
    strokes = first.sketch.strokes
    edges = [edge_map(target) for target in targets]
    # A stroke lives on while there is any edge under it: a mask may flicker, a thing does not.
    everywhere = [edge_map(replace(one, mask=np.ones_like(one.mask))) for one in targets]
    moments = _propagated(strokes, edges, everywhere, frames, numbers, targets)
    points = np.stack([moment.points for moment in moments]).astype(np.float32)
    if artist.guided:
        seen = np.stack([moment.seen for moment in moments])
        points = _refined(artist, targets, edges, points, seen, strokes, seed, settings)
    return [
        Strokes(found, strokes.half_widths, strokes.opacities * moment.seen)
        for found, moment in zip(points, moments, strict=True)
    ]


def _propagated(
    strokes: Strokes,
    edges: Sequence[EdgeMap],
    everywhere: Sequence[EdgeMap],
    frames: np.ndarray,
    numbers: Sequence[int],
    targets: Sequence[Target],
) -> list[_Moment]:
    moments = [_Moment(strokes.points, np.ones(len(strokes), bool))]
    for keyframe in range(1, len(numbers)):
        before = moments[-1]
        moved = replace(strokes, points=before.points)
        shown = padded_to_canvas(frames[numbers[keyframe - 1]], targets[keyframe].placed)
        support = np.ones(len(strokes), np.float32)
        for number in range(numbers[keyframe - 1] + 1, numbers[keyframe] + 1):
            following = padded_to_canvas(frames[number], targets[keyframe].placed)
            found = followed(moved, shown, following)
            moved, support = found.strokes, np.minimum(support, found.support)
            shown = following
        found_again = support > _FOUND_AGAIN
        gone = _jumped(before.points, moved.points, found_again)
        held = (_held(moved.points, everywhere[keyframe]) | found_again) & ~gone
        # What is lost fades where it was last seen.
        moved = replace(moved, points=_where(gone, before.points, moved.points))
        free = ~before.seen & ~moments[max(0, keyframe - 2)].seen
        points, born = _with_births(moved.points, free, before.seen & held, edges[keyframe])
        moments[-1] = replace(before, points=_where(born, points, before.points))
        moments.append(_Moment(points, (before.seen & held) | born))
    return moments


def _jumped(before: np.ndarray, after: np.ndarray, found_again: np.ndarray) -> np.ndarray:
    """Which strokes went too far, bool (strokes,): those found again, too far from all others."""
    ways = (after - before).mean(axis=1)
    own = np.linalg.norm(ways - np.median(ways, axis=0), axis=1)
    return np.asarray(np.where(found_again, own, np.linalg.norm(ways, axis=1)) > _LONG_WAY)


def _held(points: np.ndarray, edges: EdgeMap) -> np.ndarray:
    """Which strokes still lie on edges, bool (strokes,)."""
    samples = _DESIGN @ points
    inside = ((samples >= 0) & (samples < CANVAS)).all(-1)
    columns, rows = np.moveaxis(samples.astype(int).clip(0, CANVAS - 1), -1, 0)
    near = (edges.distance[rows, columns] < _NEAR_PX) & inside
    return np.asarray(near.mean(1) >= _HELD)


def _with_births(
    points: np.ndarray, free: np.ndarray, living: np.ndarray, edges: EdgeMap
) -> tuple[np.ndarray, np.ndarray]:
    """The points with free strokes laid on edges that no living one draws, and which those are."""
    born = np.zeros(len(points), bool)
    left = _undrawn(edges, points[living])
    if not free.any() or len(left.pixels) == 0 or not living.any():
        return points, born
    found = fit_edges([left], int(free.sum()))[0]
    lengths = np.linalg.norm(np.diff(_DESIGN @ found, axis=1), axis=2).sum(1)
    chosen = np.nonzero(free)[0][lengths >= _BORN_PX]
    placed = points.copy()
    placed[chosen] = found[lengths >= _BORN_PX]
    born[chosen] = True
    return placed, born


def _undrawn(edges: EdgeMap, living: np.ndarray) -> EdgeMap:
    """The strong edges that lie beside all living strokes."""
    if len(edges.pixels) == 0 or len(living) == 0:
        return edges
    samples = (_DESIGN @ living).reshape(-1, 2)
    far = np.square(edges.pixels[:, None] - samples[None]).sum(2).min(1) > _NEAR_PX**2
    kept = far & (edges.weights >= _BORN_WEIGHT * edges.weights.max())
    return edges.only(kept)


def _where(chosen: np.ndarray, yes: np.ndarray, no: np.ndarray) -> np.ndarray:
    return np.asarray(np.where(chosen[:, None, None], yes, no))


def _refined(
    artist: Artist,
    targets: Sequence[Target],
    edges: Sequence[EdgeMap],
    points: np.ndarray,
    seen: np.ndarray,
    strokes: Strokes,
    seed: int,
    settings: TemporalSettings | None,
) -> np.ndarray:
    device = artist.tower.device
    widths = np.tile(strokes.half_widths, (len(points), 1))
    found = refined_together(
        artist,
        artist.loss_of(targets, seed=seed),
        StrokeEnergy(edges, device),
        torch.from_numpy(points).to(device),
        torch.from_numpy(seen).to(device),
        torch.from_numpy(widths).to(device),
        settings=settings or TemporalSettings(),
    )
    return found.cpu().numpy()
