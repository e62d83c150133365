"""From pictures to sketches: strokes are laid, optimised in the eyes of CLIP, and put in order.

Vinker et al., "CLIPasso: Semantically-Aware Object Sketching", 2022, section 3.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from models.hidden_maps import PictureTower
from sketch.edgefit import fit_edges
from sketch.edges import EdgeMap, edge_map
from sketch.losses import ClipLoss, LossSettings
from sketch.optimising import Optimiser, Outcome
from sketch.ordering import Order, greedy_order
from sketch.presets import QUICK, Preset
from sketch.raster import NarrowBand, Rasteriser
from sketch.saliency import attention_saliency, scribbles, start_points
from sketch.stroke_energy import StrokeEnergy
from sketch.strokes import (
    BACKGROUND,
    CANVAS,
    HALF_WIDTH,
    SUBJECT,
    Drawing,
    LossFigures,
    Sketch,
    Strokes,
)
from sketch.target import Target
from sketch.views import ViewBank

AUTO = "auto"
MOST_STROKES = 64
# With "auto" a stroke is begun for so many pixels of edge, and those are kept in drawing order
# that bring all but so much of what all of them bring.
_PX_A_STROKE = 55.0
_AUTO_FROM, _AUTO_TO = 4, 32
ENOUGH = 0.05
_SEED_STEP = 1000
# Towers whose pictures are larger take too long to judge every candidate by its embedding.
_SMALL_TOWER = 112
_BACKGROUND_SHARE = 3
_BACKGROUND_HALF_WIDTH = 0.9

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Plan:
    """What is drawn of one target."""

    target: Target
    edges: EdgeMap
    count: int


class Artist:
    """Draws sketches with a model's picture tower. Equal seeds and pictures give equal sketches."""

    def __init__(
        self,
        tower: PictureTower,
        *,
        preset: Preset = QUICK,
        rasteriser: Rasteriser | None = None,
        settings: LossSettings | None = None,
    ) -> None:
        self.tower = tower
        self.preset = preset
        self._rasteriser = rasteriser or NarrowBand()
        self._settings = settings or LossSettings()

    @property
    def render_size(self) -> int:
        """The side at which strokes are drawn for the model, in pixels."""
        if self.preset.render_size is None:
            return CANVAS
        small = self.preset.render_size if self.tower.kind == "resnet" else self.tower.size
        return min(CANVAS, max(small, min(self.tower.size, 2 * small)))

    def draw(
        self,
        targets: Sequence[Target],
        *,
        strokes: int | str = 16,
        seed: int = 0,
        record: int = 0,
        start: Sequence[Strokes] | None = None,
        progressive: bool = False,
        on_progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> list[Drawing]:
        """A sketch of each target, all drawn together.

        strokes: how many, or "auto"
        record: so many moments of the drawing are kept
        start: strokes to go on from, one set a target: those of the last keyframe, say
        progressive: strokes are added a few at a time, where the sketch is most wrong
        on_progress: hears how many of how many steps are done
        stop: ends the drawing early; what comes back is then worth little
        """
        if not targets:
            return []
        began = time.perf_counter()
        plans = [self._plan(target, strokes) for target in targets]
        loss = self._loss(targets, seed)
        drawings: list[Drawing] = []
        # Sketches of one number of strokes share their batches.
        for count in sorted({plan.count for plan in plans}):
            numbers = [n for n, plan in enumerate(plans) if plan.count == count]
            work = _Work(self, plans, numbers, loss, seed, record, on_progress, stop)
            drawings += work.drawn(start, progressive=progressive, auto=strokes == AUTO)
        drawings = [
            drawing
            for _, drawing in sorted(
                zip(self._numbers(plans), drawings, strict=True), key=lambda p: p[0]
            )
        ]
        each_s = (time.perf_counter() - began) / len(targets)
        return [replace(drawing, seconds=each_s) for drawing in drawings]

    def draw_scene(
        self,
        targets: Sequence[Target],
        *,
        strokes: int | str = 16,
        seed: int = 0,
        record: int = 0,
        on_progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> list[Drawing]:
        """Sketches whose background is drawn first, thinner and with fewer strokes."""
        subjects = self.draw(
            targets, strokes=strokes, seed=seed, record=record, on_progress=on_progress, stop=stop
        )
        beyond = [replace(target, mask=1 - target.mask) for target in targets]
        fewer = AUTO if strokes == AUTO else max(1, int(strokes) // _BACKGROUND_SHARE)
        backgrounds = self.draw(beyond, strokes=fewer, seed=seed, stop=stop)
        return [
            replace(one, sketch=_with_background(one.sketch, other.sketch, target))
            for one, other, target in zip(subjects, backgrounds, targets, strict=True)
        ]

    def losses(
        self, target: Target, sketches: Sequence[Strokes], *, seed: int = 0
    ) -> list[LossFigures]:
        """How far given strokes are from a picture, in the clean view."""
        loss = self._loss([target], seed)
        told = []
        for strokes in sketches:
            points = torch.from_numpy(strokes.points)[None].to(self.tower.device)
            widths = torch.from_numpy(strokes.half_widths)[None].to(self.tower.device)
            with torch.no_grad():
                image = self.render(points, widths)
                told.append(loss(image, embedding=True).figures(0))
        return told

    def render(
        self, points: torch.Tensor, half_widths: torch.Tensor | float = HALF_WIDTH
    ) -> torch.Tensor:
        """Strokes in canvas pixels as the model sees them, (batch, side, side)."""
        scale = self.render_size / CANVAS
        return self._rasteriser.render(points * scale, half_widths * scale, size=self.render_size)

    def _plan(self, target: Target, strokes: int | str) -> _Plan:
        edges = edge_map(target)
        if strokes == AUTO:
            wanted = round(edges.length_px / _PX_A_STROKE)
            return _Plan(target, edges, min(max(wanted, _AUTO_FROM), _AUTO_TO))
        if not 1 <= int(strokes) <= MOST_STROKES:
            raise ValueError(f"a sketch has 1 to {MOST_STROKES} strokes, not {strokes}")
        return _Plan(target, edges, int(strokes))

    def _loss(self, targets: Sequence[Target], seed: int) -> ClipLoss:
        pictures = torch.from_numpy(np.stack([target.softened for target in targets]))
        masks = torch.from_numpy(np.stack([target.mask for target in targets]))
        bank = ViewBank.draw(1 + self.preset.bank, seed=seed, fill=self.preset.fill)
        small = self.preset.render_size if self.tower.size > _SMALL_TOWER else None
        return ClipLoss(
            self.tower,
            pictures.permute(0, 3, 1, 2).contiguous(),
            masks,
            bank,
            self._settings,
            geometric_size=small,
        )

    @staticmethod
    def _numbers(plans: Sequence[_Plan]) -> list[int]:
        counts = sorted({plan.count for plan in plans})
        return [n for count in counts for n, plan in enumerate(plans) if plan.count == count]


@dataclass(frozen=True)
class _Work:
    """The drawing of those targets of a batch that get the same number of strokes."""

    artist: Artist
    plans: Sequence[_Plan]
    numbers: Sequence[int]
    loss: ClipLoss
    seed: int
    record: int
    on_progress: Progress | None
    stop: threading.Event | None

    def drawn(
        self, start: Sequence[Strokes] | None, *, progressive: bool, auto: bool
    ) -> list[Drawing]:
        """One drawing for each of the numbers."""
        device = self.artist.tower.device
        rows = torch.tensor(self.numbers, device=device)
        energy = StrokeEnergy([plan.edges for plan in self.plans], device)
        optimiser = Optimiser(
            self.artist.render, self.loss, self.artist.preset, energy, self.seed, self.stop
        )
        if start is not None:
            begun = torch.from_numpy(np.stack([start[n].points for n in self.numbers])).to(device)
            seeds = [self.seed] * len(self.numbers)
            outcome = optimiser.run(
                begun, rows, warm=True, record=self.record, told=self.on_progress
            )
        elif progressive:
            seeds = [self.seed] * len(self.numbers)
            outcome = self._progressively(optimiser, rows)
        else:
            begun, rows, seeds = self._beginnings(rows)
            outcome = optimiser.run(begun, rows, record=self.record, told=self.on_progress)
        return [
            self._finished(outcome, position, seeds, auto=auto)
            for position in self._winners(outcome, rows)
        ]

    def _beginnings(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
        """First strokes for every target and seed."""
        count = self.plans[self.numbers[0]].count
        begun, seeds = [], []
        for step in range(self.artist.preset.seeds):
            seed = self.seed + step * _SEED_STEP
            begun += self._first_strokes(count, seed, first=step == 0)
            seeds += [seed] * len(self.numbers)
        points = torch.from_numpy(np.stack(begun)).to(rows.device)
        return points, rows.repeat(self.artist.preset.seeds), seeds

    def _first_strokes(self, count: int, seed: int, *, first: bool) -> list[np.ndarray]:
        plans = [self.plans[n] for n in self.numbers]
        if self.artist.preset.initial == "edges":
            return fit_edges([plan.edges for plan in plans], count, seed=0 if first else seed)
        return [
            scribbles(
                start_points(attention_saliency(self.artist.tower, plan.target), count, seed), seed
            )
            for plan in plans
        ]

    def _progressively(self, optimiser: Optimiser, rows: torch.Tensor) -> Outcome:
        from sketch.progressive import grow

        plans = [self.plans[n] for n in self.numbers]
        return grow(
            optimiser,
            self.artist.render,
            self.loss,
            [plan.edges for plan in plans],
            rows,
            plans[0].count,
            record=self.record,
            told=self.on_progress,
        )

    def _winners(self, outcome: Outcome, rows: torch.Tensor) -> list[int]:
        """The best seed of each target, as its position in the outcome."""
        winners = []
        for number in self.numbers:
            own = (rows == number).nonzero().squeeze(1)
            winners.append(int(own[outcome.losses[own].argmin()]))
        return winners

    def _finished(
        self, outcome: Outcome, position: int, seeds: Sequence[int], *, auto: bool
    ) -> Drawing:
        number = int(outcome.rows[position])
        points = outcome.points[position]
        order = self._order(points, number)
        kept = order.enough(ENOUGH) if auto else len(order.strokes)
        chosen = points[order.strokes[:kept]]
        sketch = Sketch(
            Strokes.plain(chosen.cpu().numpy()),
            (SUBJECT,) * kept,
            _shares(order, kept),
            self._figures(chosen, number),
            self.plans[number].target.placed,
        )
        history = tuple(Strokes.plain(h[position].cpu().numpy()) for h in outcome.history)
        return Drawing(sketch, history, outcome.iterations, seeds[position])

    def _order(self, points: torch.Tensor, number: int) -> Order:
        size = self.artist.render_size
        scale = size / CANVAS
        by_embedding = self.artist.tower.size <= _SMALL_TOWER

        def judge(images: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
            return self.loss(images, embedding=by_embedding, rows=rows).total

        widths = torch.full((len(points),), HALF_WIDTH * scale, device=points.device)
        return greedy_order(points * scale, widths, judge, number, size=size)

    def _figures(self, points: torch.Tensor, number: int) -> LossFigures:
        row = torch.tensor([number], device=points.device)
        with torch.no_grad():
            return self.loss(self.artist.render(points[None]), rows=row).figures(0)


def _shares(order: Order, kept: int) -> np.ndarray:
    """The gains of the strokes that are kept, summing to 1 again."""
    gains = np.array(order.gains[:kept], np.float32)
    return gains / gains.sum() if gains.sum() > 0 else np.zeros_like(gains)


def _with_background(subject: Sketch, background: Sketch, target: Target) -> Sketch:
    """Both in one: the background first, without what runs through the subject."""
    middles = background.strokes.points.mean(axis=1).astype(int).clip(0, CANVAS - 1)
    beside = np.nonzero(target.mask[middles[:, 1], middles[:, 0]] < 0.5)[0]
    behind = background.strokes.take(beside)
    thin = np.full(len(behind), _BACKGROUND_HALF_WIDTH, np.float32)
    strokes = Strokes(
        np.concatenate([behind.points, subject.strokes.points]),
        np.concatenate([thin, subject.strokes.half_widths]),
        np.concatenate([behind.opacities, subject.strokes.opacities]),
    )
    groups = (BACKGROUND,) * len(behind) + subject.groups
    gains = np.concatenate([np.zeros(len(behind), np.float32), subject.gains])
    return replace(subject, strokes=strokes, groups=groups, gains=gains)
