"""One step of drawing a sketch: the paper's way, ours at the same loss, and the quick preset.

    python -m benchmarks.sketches.step                   RN101, ViT-B-32, random weights, one core
    python -m benchmarks.sketches.step --models RN101    one of them
    python -m benchmarks.sketches.step --repetitions 10  steadier medians

A step renders 16 strokes, shows them to the model, goes back to the strokes and moves them. The
paper's way compares the clean view and four others, keeps the graph of sketch and picture, and
works out the gradients of all weights too. Ours looks at the picture once a view, holds the weights
still and folds batch norms. Both compute the same loss, which is checked. The quick preset has
fewer views, smaller ones, and sees the embedding only in some steps; its figure is the mean over
one round of its steps. All ways use the same rasteriser, all take turns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmarks.measuring.options import bare_model, parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.measuring.timing import spread, timed
from models.clip.backbone import Backbone, load_backbone
from models.identity import RANDOM, ModelChoice
from models.towers.hidden_maps import PictureTower, picture_tower
from sketch.drawing.losses import ClipLoss
from sketch.drawing.presets import QUICK
from sketch.drawing.saliency import scribbles
from sketch.drawing.views import ViewBank
from sketch.raster.choosing import rasteriser
from sketch.strokes import CANVAS, HALF_WIDTH

_STROKES = 16
_PAPER_VIEWS = range(5)
_SEMANTIC_WEIGHT = 0.1
_STEP_PX = 0.1
_SAME_LOSS = 1e-3
_TARGETS = {("RN101", "ours"): "≥ 3", ("RN101", "quick"): "≥ 30"}  # the paper's model


@dataclass(frozen=True)
class Row:
    """One way of making a step with one model. `faster` is the paper's median over this one's."""

    model: str
    way: str
    views: int
    side_px: str
    min_s: float
    median_s: float
    max_s: float
    faster: float


class Step:
    """Strokes and the optimiser that moves them, all from the same start."""

    def __init__(self, loss: Callable[[torch.Tensor], torch.Tensor], *, size: int) -> None:
        starts = np.random.default_rng(0).uniform(40, 184, (_STROKES, 2)).astype(np.float32)
        self._points = torch.from_numpy(scribbles(starts, 0)).requires_grad_()
        self._optimiser = torch.optim.Adam([self._points], lr=_STEP_PX)
        self._draw = rasteriser()
        self._loss, self._scale, self._size = loss, size / CANVAS, size

    def __call__(self) -> float:
        """The loss before the step."""
        self._optimiser.zero_grad()
        points = self._points[None] * self._scale
        image = self._draw.render(points, HALF_WIDTH * self._scale, size=self._size)
        loss = self._loss(image)
        loss.backward()
        self._optimiser.step()
        return float(loss)


def paper_loss(
    visual: Any, tower: PictureTower, target: torch.Tensor, bank: ViewBank
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Everything anew in every step, with the graph of all of it, as the reference does."""
    resnet = tower.kind == "resnet"

    def loss(image: torch.Tensor) -> torch.Tensor:
        visual.zero_grad(set_to_none=True)
        both = torch.cat([image[:, None].expand(-1, 3, -1, -1), target])
        seen = bank.apply(both, _PAPER_VIEWS, size=tower.size).flatten(0, 1)
        # For a ResNet open_clip reads the flag the wrong way round.
        found = visual.forward_intermediates(
            tower.normalised(seen), indices=list(tower.middle_layers), stop_early=resnet
        )
        total = torch.zeros(())
        for layer in found["image_intermediates"]:
            sketch, picture = layer.chunk(2)
            total = total + functional.mse_loss(sketch, picture)
        sketch, picture = found["image_features"].chunk(2)
        semantic = 1 - functional.cosine_similarity(sketch, picture)
        return total + _SEMANTIC_WEIGHT * semantic.mean()

    return loss


def our_loss(
    tower: PictureTower, target: torch.Tensor, bank: ViewBank
) -> Callable[[torch.Tensor], torch.Tensor]:
    """The same loss of the same views."""
    loss = ClipLoss(tower, target, torch.ones(1, CANVAS, CANVAS), bank)
    return lambda image: loss(image, _PAPER_VIEWS).total[0]


def quick_loss(tower: PictureTower, target: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """What a step of the quick preset looks at, in turn."""
    bank = ViewBank.draw(1 + QUICK.views_per_step, seed=0)
    masks = torch.ones(1, CANVAS, CANVAS)
    loss = ClipLoss(tower, target, masks, bank, geometric_size=QUICK.render_size)
    steps = count()

    def of_this_step(image: torch.Tensor) -> torch.Tensor:
        embedding = next(steps) % QUICK.embedding_every == 0
        return loss(image, range(1, len(bank)), embedding=embedding).total[0]

    return of_this_step


def measure(name: str, *, repetitions: int) -> list[Row]:
    """Time the three ways in turn. Raises RuntimeError where the first two do not agree."""
    backbone = load_backbone(ModelChoice(name, RANDOM), device="cpu")
    quick_side = QUICK.render_size or CANVAS
    ways, tower = _ways(backbone, quick_side)
    # The first look at the picture is not part of a step; nor is a network's slow first run.
    losses = {way: step() for way, step in ways.items()}
    if abs(losses["ours"] - losses["paper"]) > _SAME_LOSS * losses["paper"]:
        raise RuntimeError(f"not the same loss: {losses}")
    for _ in range(QUICK.embedding_every - 1):
        ways["quick"]()
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(repetitions):
        for way, step in ways.items():
            steps = QUICK.embedding_every if way == "quick" else 1
            taken[way].append(timed(_repeat, step, steps)[0].clock_s / steps)
    geometric_side = min(tower.fitting_side(quick_side), tower.size)
    sides = {"quick": f"{geometric_side}, {tower.size} in 1 of {QUICK.embedding_every}"}
    views = {"quick": QUICK.views_per_step}
    slowest = spread(taken["paper"])[1]
    return [
        Row(
            name,
            way,
            views.get(way, len(_PAPER_VIEWS)),
            sides.get(way, str(tower.size)),
            *spread(seconds),
            slowest / spread(seconds)[1],
        )
        for way, seconds in taken.items()
    ]


def _ways(backbone: Backbone, quick_side: int) -> tuple[dict[str, Step], PictureTower]:
    tower = picture_tower(backbone)
    visual = bare_model(backbone).model.get_submodule("visual")
    target = _picture()
    bank = ViewBank.draw(len(_PAPER_VIEWS), seed=0)
    ways = {
        "paper": Step(paper_loss(visual, tower, target, bank), size=CANVAS),
        "ours": Step(our_loss(tower, target, bank), size=CANVAS),
        "quick": Step(quick_loss(tower, target), size=quick_side),
    }
    return ways, tower


def _picture() -> torch.Tensor:
    """A dark disc on white, (1, 3, 224, 224)."""
    centres = torch.arange(CANVAS) + 0.5 - CANVAS / 2
    disc = (centres[:, None] ** 2 + centres**2).sqrt() < CANVAS / 4
    return (1 - 0.8 * disc.float()).expand(1, 3, -1, -1).contiguous()


def _repeat(step: Step, times: int) -> None:
    for _ in range(times):
        step()


def figures_of(rows: Sequence[Row]) -> list[Figure]:
    return [
        Figure(
            f"{row.way}, {row.model}: times faster than the paper's way",
            row.faster,
            _TARGETS.get((row.model, row.way), ""),
        )
        for row in rows
        if row.way != "paper"
    ]


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument(
        "--models", type=lambda text: text.split(","), default=["RN101", "ViT-B-32"]
    )
    parser.add_argument("--repetitions", type=int, default=3)
    with benchmark("sketches_step", parser) as (options, report):
        torch.set_num_threads(1)
        rows = [
            row for name in options.models for row in measure(name, repetitions=options.repetitions)
        ]
        report.show("Steps", rows)
        report.figures(figures_of(rows))


if __name__ == "__main__":
    main()
