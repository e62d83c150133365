"""Drawing a few strokes at a time, each where the sketch is still most wrong."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional

from sketch.drawing.optimising import OnStep, OptimisedStrokes, Optimiser
from sketch.edges.edge_map import EdgeMap
from sketch.edges.fit import fit_edges
from sketch.strokes import CANVAS

# An edge this near to a stroke is drawn: the first strokes cut corners, and are not drawn again.
_DRAWN_PX = 8
_NEW_STEPS, _JOINT_STEPS = 10, 12
_DRAWN_WEIGHT = 0.02


def grow(
    optimiser: Optimiser,
    edges: Sequence[EdgeMap],
    rows: torch.Tensor,
    count: int,
    *,
    record: int = 0,
    told: OnStep | None = None,
) -> OptimisedStrokes:
    """Sketches of `count` strokes, begun with one and doubled until there are enough.

    New strokes are fitted to the edges that none covers, weighted by how wrong the model finds the
    sketch there; they settle alone first, and all together after that.
    """
    stages = _stages(count)
    points = torch.zeros(len(rows), 0, 4, 2, device=rows.device)
    history: list[torch.Tensor] = []
    iterations = 0
    for number, wanted in enumerate(stages):
        before = points.shape[1]
        new = [
            fit_edges([left], wanted - before)[0]
            for left in _left_to_draw(points, edges, rows, optimiser)
        ]
        points = torch.cat([points, torch.from_numpy(np.stack(new)).to(rows.device)], dim=1)
        if before:
            alone = optimiser.run(points, rows, iterations=_NEW_STEPS, frozen=before)
            points, iterations = alone.points, iterations + alone.iterations
        outcome = optimiser.run(points, rows, iterations=_JOINT_STEPS)
        points, iterations = outcome.points, iterations + outcome.iterations
        if record:
            history.append(points)
        if told is not None:
            told(number + 1, len(stages))
    padded = tuple(_padded(moment, count) for moment in history)
    return OptimisedStrokes(points, outcome.worths, rows, padded, iterations)


def _stages(count: int) -> list[int]:
    """1, 2, 4, … and the whole."""
    stages = [1]
    while stages[-1] * 2 < count:
        stages.append(stages[-1] * 2)
    return [*stages, count] if count > 1 else stages


@torch.no_grad()
def _left_to_draw(
    points: torch.Tensor, edges: Sequence[EdgeMap], rows: torch.Tensor, optimiser: Optimiser
) -> list[EdgeMap]:
    if points.shape[1] == 0:
        return list(edges)
    images = optimiser.render(points)
    wrong, ink = (
        functional.interpolate(seen[:, None], size=(CANVAS, CANVAS), mode="bilinear")
        for seen in (optimiser.loss.residual(images, rows), 1 - images)
    )
    near = functional.max_pool2d(ink, 2 * _DRAWN_PX + 1, stride=1, padding=_DRAWN_PX)[:, 0]
    return [
        _weighed(one, wrong[row, 0].cpu().numpy(), near[row].cpu().numpy())
        for row, one in enumerate(edges)
    ]


def _weighed(edges: EdgeMap, wrong: np.ndarray, near: np.ndarray) -> EdgeMap:
    columns, lines = edges.pixels.astype(int).T
    if len(columns) == 0:
        return edges
    here = wrong[lines, columns]
    worth = 0.3 + here / max(float(here.max()), 1e-9)
    left = np.where(near[lines, columns] > 0.5, _DRAWN_WEIGHT, 1.0)
    return replace(edges, weights=(edges.weights * worth * left).astype(np.float32))


def _padded(points: torch.Tensor, count: int) -> torch.Tensor:
    """Strokes that are not drawn yet are dots under the first one's beginning."""
    missing = count - points.shape[1]
    dots = points[:, :1, :1].expand(-1, missing, 4, -1)
    return torch.cat([points, dots], dim=1)
