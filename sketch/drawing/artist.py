"""From pictures to sketches: strokes are laid, optimised in the eyes of CLIP, and put in order.

Vinker et al., "CLIPasso: Semantically-Aware Object Sketching", 2022, section 3.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from models.towers.hidden_maps import PictureTower
from sketch.canvas import Target
from sketch.drawing.energy import StrokeEnergy
from sketch.drawing.losses import ClipLoss, LossSettings
from sketch.drawing.optimising import OnStep, OptimisedStrokes, Optimiser
from sketch.drawing.ordering import Order, greedy_order
from sketch.drawing.presets import QUICK, Preset
from sketch.drawing.progressive import grow
from sketch.drawing.saliency import attention_saliency, scribbles, start_points
from sketch.drawing.scene import background_count, background_of, with_background
from sketch.drawing.views import ViewBank
from sketch.edges.coverage import EdgeCoverage
from sketch.edges.edge_map import EdgeMap, edge_map
from sketch.edges.fit import fit_edges
from sketch.raster.interface import Rasteriser
from sketch.raster.narrow_band import NarrowBand
from sketch.strokes import CANVAS, HALF_WIDTH, SUBJECT, Drawing, LossFigures, Sketch, Strokes

AUTO = "auto"
MOST_STROKES = 64
# With "auto" a stroke is begun for every _PX_A_STROKE pixels of edge. The first strokes are kept
# that gain all but the share ENOUGH of what the best of them gain. On 160 keyframes of the small
# world a share of 0.03 gives sketches as recognisable as 32 strokes do. But beside a clear outline
# the lines inside of it weigh little, and to a small model they may be noise: so others join until
# no more than the share MAY_MISS of the length of the subject's edges is missing that could be
# drawn. All of them then move a little to make up for the rest.
_PX_A_STROKE = 35.0
_AUTO_FROM, _AUTO_TO = 4, 32
ENOUGH = 0.03
MAY_MISS = 0.15
_REFINING_STEPS = 8
_SEED_STEP = 1000
# Towers whose pictures are larger take too long to judge every candidate by its embedding.
_SMALL_TOWER = 112


@dataclass(frozen=True)
class _Plan:
    """What is drawn of one target."""

    target: Target
    edges: EdgeMap
    count: int


class Artist:
    """Draws sketches with a model's picture tower. Equal seeds and pictures give equal sketches.

    guided: whether strokes move until the model sees what it sees in the picture, and are put in
        order by that. Else they stay as they were fitted to edges: a model that never saw drawings
        leaves gaps and tangles
    """

    def __init__(
        self,
        tower: PictureTower,
        *,
        guided: bool = True,
        preset: Preset = QUICK,
        rasteriser: Rasteriser | None = None,
        settings: LossSettings | None = None,
    ) -> None:
        self.tower = tower
        self.guided = guided
        self.preset = preset
        self._rasteriser = rasteriser or NarrowBand()
        self._settings = settings or LossSettings()

    @property
    def render_size(self) -> int:
        """The side at which strokes are drawn for the model, in pixels."""
        if self.preset.render_size is None:
            return CANVAS
        return min(CANVAS, self.tower.fitting_side(self.preset.render_size))

    def draw(
        self,
        targets: Sequence[Target],
        *,
        strokes: int | str = 16,
        seed: int = 0,
        record: int = 0,
        start: Sequence[Strokes] | None = None,
        progressive: bool = False,
        on_progress: OnStep | None = None,
        stop: threading.Event | None = None,
    ) -> list[Drawing]:
        """A sketch of each target, all drawn together.

        strokes: how many, or "auto"
        record: how many moments of the drawing are kept
        start: strokes from whose points to go on, one set a target: those of the last keyframe, say
        progressive: strokes are added a few at a time, where the sketch is most wrong
        on_progress: hears how many of how many steps are done
        stop: ends the drawing early; what comes back is then worth little
        """
        if not targets:
            return []
        began = time.perf_counter()
        plans = [self._plan(target, strokes) for target in targets]
        studio = _Studio(self, plans, seed, record, auto=strokes == AUTO, stop=stop)
        # Sketches of one number of strokes share their batches.
        counts = sorted({plan.count for plan in plans})
        drawings: dict[int, Drawing] = {}
        for step, count in enumerate(counts):
            numbers = [n for n, plan in enumerate(plans) if plan.count == count]
            told = _part(on_progress, step, len(counts))
            drawings |= studio.draw(numbers, start, progressive=progressive, told=told)
        each_s = (time.perf_counter() - began) / len(targets)
        return [replace(drawings[n], seconds=each_s) for n in range(len(targets))]

    def draw_scene(
        self,
        targets: Sequence[Target],
        *,
        strokes: int | str = 16,
        seed: int = 0,
        record: int = 0,
        on_progress: OnStep | None = None,
        stop: threading.Event | None = None,
    ) -> list[Drawing]:
        """Sketches whose background is drawn first, thinner and with fewer strokes.

        A subject that was enlarged is put back to its place and size in the whole picture.
        """
        fewer = AUTO if strokes == AUTO else background_count(int(strokes))
        subjects = self.draw(
            targets,
            strokes=strokes,
            seed=seed,
            record=record,
            on_progress=_part(on_progress, 0, 2),
            stop=stop,
        )
        backgrounds = self.draw(
            [background_of(target) for target in targets],
            strokes=fewer,
            seed=seed,
            on_progress=_part(on_progress, 1, 2),
            stop=stop,
        )
        return [
            replace(one, sketch=with_background(one.sketch, other.sketch, target))
            for one, other, target in zip(subjects, backgrounds, targets, strict=True)
        ]

    def losses(
        self, target: Target, sketches: Sequence[Strokes], *, seed: int = 0
    ) -> list[LossFigures]:
        """How far given strokes are from a picture, in the clean view."""
        loss = self.loss_of([target], seed=seed)
        told = []
        for strokes in sketches:
            points, widths = (
                torch.from_numpy(values)[None].to(self.tower.device)
                for values in (strokes.points, strokes.half_widths)
            )
            with torch.no_grad():
                told.append(loss(self.render(points, widths)).figures(0))
        return told

    def loss_of(self, targets: Sequence[Target], *, seed: int = 0) -> ClipLoss:
        """The loss towards targets, over the views of this preset."""
        pictures = torch.from_numpy(np.stack([target.softened for target in targets]))
        masks = torch.from_numpy(np.stack([target.mask for target in targets]))
        views = 1 + self.preset.bank if self.guided else 1
        bank = ViewBank.draw(views, seed=seed, fill=self.preset.fill)
        return ClipLoss(
            self.tower,
            pictures.permute(0, 3, 1, 2).contiguous(),
            masks,
            bank,
            self._settings,
            geometric_size=self.preset.render_size,
        )

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


class _Studio:
    """The drawing of one batch: what all its sketches share."""

    def __init__(
        self,
        artist: Artist,
        plans: Sequence[_Plan],
        seed: int,
        record: int,
        *,
        auto: bool,
        stop: threading.Event | None,
    ) -> None:
        self._artist, self._plans = artist, plans
        self._seed, self._record, self._auto = seed, record, auto
        device, edges = artist.tower.device, [plan.edges for plan in plans]
        self._loss = artist.loss_of([plan.target for plan in plans], seed=seed)
        self._coverage = EdgeCoverage(edges, artist.render_size, device)
        side = artist.render_size
        self._scales = torch.ones(len(plans), device=device)
        if artist.guided:
            with torch.no_grad():
                empty = self._loss(torch.ones(len(plans), side, side, device=device)).total
            self._scales = empty.clamp(min=1e-6)
        self._optimiser = Optimiser(
            artist.render,
            self._loss,
            artist.preset,
            StrokeEnergy(edges, device),
            self._scales,
            max(artist.render_size, artist.tower.size),
            seed,
            stop,
            artist.guided,
        )

    def draw(
        self,
        numbers: Sequence[int],
        start: Sequence[Strokes] | None,
        *,
        progressive: bool,
        told: OnStep | None,
    ) -> dict[int, Drawing]:
        """Drawings of those targets, which get the same number of strokes."""
        rows = torch.tensor(numbers, device=self._artist.tower.device)
        if start is not None:
            begun = np.stack([start[n].points for n in numbers])
            outcome = self._optimiser.run(
                torch.from_numpy(begun).to(rows.device),
                rows,
                iterations=self._artist.preset.warm_iterations,
                record=self._record,
                told=told,
            )
        elif progressive:
            outcome = grow(
                self._optimiser,
                [self._plans[n].edges for n in numbers],
                rows,
                self._plans[numbers[0]].count,
                record=self._record,
                told=told,
            )
        else:
            begun = np.stack(
                [points for seed in self._seeds for points in self._begin(numbers, seed)]
            )
            outcome = self._optimiser.run(
                torch.from_numpy(begun).to(rows.device),
                rows.repeat(len(self._seeds)),
                record=self._record,
                told=told,
            )
        return {n: self._finished(outcome, n, len(numbers)) for n in numbers}

    @property
    def _seeds(self) -> list[int]:
        return [self._seed + step * _SEED_STEP for step in range(self._artist.preset.seeds)]

    def _begin(self, numbers: Sequence[int], seed: int) -> list[np.ndarray]:
        """The first strokes for one seed."""
        plans = [self._plans[n] for n in numbers]
        count = plans[0].count
        if self._artist.preset.initial == "edges":
            return fit_edges([plan.edges for plan in plans], count, seed=seed)
        maps = [attention_saliency(self._artist.tower, plan.target) for plan in plans]
        return [scribbles(start_points(found, count, seed), seed) for found in maps]

    def _finished(self, outcome: OptimisedStrokes, number: int, batch: int) -> Drawing:
        """The best seed of a target, in drawing order."""
        own = (outcome.rows == number).nonzero().squeeze(1)
        position = int(own[outcome.worths[own].argmin()])
        points = outcome.points[position]
        order = self._order(points, number)
        kept = order.strokes
        chosen = points[kept]
        if len(kept) < len(points):
            row = torch.tensor([number], device=points.device)
            chosen = self._optimiser.run(chosen[None], row, iterations=_REFINING_STEPS).points[0]
        sketch = Sketch(
            Strokes.plain(chosen.cpu().numpy()),
            (SUBJECT,) * len(kept),
            _shares(order, len(kept)),
            self._figures(chosen, number),
            self._plans[number].target.placed,
        )
        history = tuple(Strokes.plain(h[position][kept].cpu().numpy()) for h in outcome.history)
        seeds = self._seeds if len(own) > 1 else [self._seed]
        return Drawing(sketch, history, outcome.iterations, seeds[position // batch])

    def _order(self, points: torch.Tensor, number: int) -> Order:
        """The order by what the model sees and by how much of the edges is drawn, half and half.

        A small model alone finds that a scrap of an outline will do. What does not guide the
        strokes does not order them either. With "auto" what is left over is not in it.
        """
        artist = self._artist
        scale = artist.render_size / CANVAS
        embedding = artist.tower.size <= _SMALL_TOWER

        def rows(images: torch.Tensor) -> torch.Tensor:
            return torch.full((len(images),), number, dtype=torch.long, device=images.device)

        def judge(images: torch.Tensor) -> torch.Tensor:
            undrawn = self._coverage.missed(images, rows(images))
            if not artist.guided:
                return undrawn
            seen = self._loss(images, embedding=embedding, rows=rows(images)).total
            return seen / self._scales[number] + undrawn

        def missed(images: torch.Tensor) -> torch.Tensor:
            return self._coverage.missed_length(images, rows(images))

        placed, size = points * scale, artist.render_size
        widths = torch.full((len(points),), HALF_WIDTH * scale, device=points.device)
        order = greedy_order(placed, widths, judge, size=size)
        if not self._auto:
            return order
        enough = order.first(order.enough(ENOUGH))
        return enough.with_missing(placed, widths, missed, share=MAY_MISS, size=size)

    def _figures(self, points: torch.Tensor, number: int) -> LossFigures:
        row = torch.tensor([number], device=points.device)
        with torch.no_grad():
            return self._loss(self._artist.render(points[None]), rows=row).figures(0)


def _shares(order: Order, kept: int) -> np.ndarray:
    """The gains of the strokes that are kept, summing to 1 again."""
    gains = np.array(order.gains[:kept], np.float32)
    return gains / gains.sum() if gains.sum() > 0 else np.zeros_like(gains)


def _part(on_progress: OnStep | None, part: int, parts: int) -> OnStep | None:
    """What hears of one of several equal parts, and tells of the whole."""
    if on_progress is None:
        return None
    return lambda done, steps: on_progress(part * steps + done, parts * steps)
