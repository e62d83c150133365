"""The optimisation of strokes: Adam on control points, many sketches at once."""

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from sketch.drawing.energy import StrokeEnergy
from sketch.drawing.losses import ClipLoss
from sketch.drawing.presets import Preset
from sketch.drawing.views import CLEAN

# Points in canvas pixels → pictures for the model.
Render = Callable[[torch.Tensor], torch.Tensor]
OnStep = Callable[[int, int], None]
# How many pictures of 224 pixels go through the model at once, with what their gradients need: some
# 4 GB with RN101.
_PICTURES_AT_ONCE = 24
_PICTURE_SIDE = 224
# Two looks whose losses differ by less are the same.
TIE = 1e-5


@dataclass
class Stopper:
    """When to stop looking at one sketch.

    With `settled` 0 the paper's rule holds: it ends at the second look in a row that ties with the
    best, which a tie leaves as it is. Otherwise it ends when the best loss has fallen by less than
    that share in the last `patience` looks.
    """

    settled: float
    patience: int
    best: float = float("inf")
    _ties: int = 0
    _history: list[float] = field(default_factory=list)

    def look(self, loss: float) -> bool:
        """Take in a loss; → whether to stop."""
        if self.settled == 0:
            return self._tied_again(loss)
        self.best = min(self.best, loss)
        self._history.append(self.best)
        if len(self._history) <= self.patience:
            return False
        before = self._history[-1 - self.patience]
        return before - self.best <= self.settled * abs(before)

    def _tied_again(self, loss: float) -> bool:
        if abs(loss - self.best) <= TIE:
            self._ties += 1
            return self._ties >= 2
        if loss < self.best:
            self.best, self._ties = loss, 0
        return False


class BestStrokes:
    """The strokes with the lowest loss, one set for each sketch of a batch.

    A loss belongs to the strokes that were drawn, which are taken before the step that follows.
    """

    def __init__(self, points: torch.Tensor) -> None:
        self.points = points.detach().clone()
        self.losses = torch.full((len(points),), float("inf"), device=points.device)

    def offer(self, points: torch.Tensor, losses: torch.Tensor, rows: torch.Tensor) -> None:
        """Keep what is better of a whole batch, by the losses of the sketches in `rows`."""
        better = losses < self.losses[rows]
        chosen = rows[better]
        self.losses[chosen] = losses[better]
        self.points[chosen] = points.detach()[chosen]


@dataclass(frozen=True)
class OptimisedStrokes:
    """The best strokes that were found for each sketch.

    points: (sketches, strokes, 4, 2)
    worths: (sketches,), what was minimised, in the clean view; less is better
    rows: (sketches,), the target of each
    history: the points of all sketches at recorded moments
    """

    points: torch.Tensor
    worths: torch.Tensor
    rows: torch.Tensor
    history: tuple[torch.Tensor, ...]
    iterations: int


@dataclass(frozen=True)
class Optimiser:
    """Moves strokes until the model sees what it sees in their pictures.

    scales: (targets,), the model's loss of the empty canvas, against which the edges are weighed
    side: pixels along a side of the pictures that the model sees
    guided: whether the model moves strokes at all; else they stay as they begin
    """

    render: Render
    loss: ClipLoss
    preset: Preset
    energy: StrokeEnergy
    scales: torch.Tensor
    side: int
    seed: int = 0
    stop: threading.Event | None = None
    guided: bool = True

    def run(
        self,
        points: torch.Tensor,
        rows: torch.Tensor,
        *,
        iterations: int | None = None,
        record: int = 0,
        told: OnStep | None = None,
        frozen: int = 0,
    ) -> OptimisedStrokes:
        """Optimise sketches (sketches, strokes, 4, 2) of the targets in `rows`.

        frozen: how many strokes of each, from the first, stay where they are
        """
        if not self.guided:
            return self._as_begun(points, rows, record, told)
        preset = self.preset
        steps = iterations or preset.iterations
        moving = points.detach().clone().requires_grad_()
        adam = torch.optim.Adam([moving], lr=preset.learning_rate, eps=preset.adam_epsilon)
        best = BestStrokes(moving)
        stoppers = [Stopper(preset.settled, preset.patience) for _ in rows]
        active = torch.arange(len(rows), device=rows.device)
        history: list[torch.Tensor] = []
        moments = _moments(steps, record)
        generator = torch.Generator().manual_seed(self.seed)
        step = 0
        for step in range(steps):
            if step in moments:
                history.append(moving.detach().clone())
            if step % preset.evaluate_every == 0:
                active = self._look(moving, rows, best, active, stoppers)
                if told is not None:
                    told(step, steps)
                if len(active) == 0 or (self.stop is not None and self.stop.is_set()):
                    break
            for group in adam.param_groups:
                group["lr"] = _rate(preset, step / steps)
            adam.zero_grad()
            self._descend(moving, rows, active, step, generator)
            if frozen and moving.grad is not None:
                moving.grad[:, :frozen] = 0
            adam.step()
        else:
            self._look(moving, rows, best, active, stoppers)
        if record:
            history.append(best.points.clone())
        if told is not None:
            told(steps, steps)
        return OptimisedStrokes(best.points, best.losses, rows, tuple(history), step + 1)

    def _as_begun(
        self, points: torch.Tensor, rows: torch.Tensor, record: int, told: OnStep | None
    ) -> OptimisedStrokes:
        if told is not None:
            told(1, 1)
        history = (points.clone(),) if record else ()
        return OptimisedStrokes(points, torch.zeros(len(rows)), rows, history, 0)

    def _descend(
        self,
        points: torch.Tensor,
        rows: torch.Tensor,
        active: torch.Tensor,
        step: int,
        generator: torch.Generator,
    ) -> None:
        """Collect the gradient of one step, a part of the batch at a time."""
        preset = self.preset
        views = self._views(step, generator)
        embedding = step % preset.embedding_every == 0
        for part in active.split(self._at_once(len(views))):
            chosen, targets = points[part], rows[part]
            losses = self.loss(self.render(chosen), views, embedding=embedding, rows=targets)
            # What is asked for in every n-th step only counts n times there.
            left_out = (preset.embedding_every - 1) * self.loss.settings.semantic_weight
            total = losses.total + left_out * losses.semantic
            self._weighed(total, chosen, targets).sum().backward()

    def _views(self, step: int, generator: torch.Generator) -> list[int]:
        preset = self.preset
        if preset.clean_view:
            chosen = torch.randperm(preset.bank, generator=generator)[: preset.views_per_step]
            return [CLEAN, *(1 + int(number) for number in chosen)]
        first = step * preset.views_per_step
        return [(first + i) % (preset.bank + 1) for i in range(preset.views_per_step)]

    @torch.no_grad()
    def _look(
        self,
        points: torch.Tensor,
        rows: torch.Tensor,
        best: BestStrokes,
        active: torch.Tensor,
        stoppers: Sequence[Stopper],
    ) -> torch.Tensor:
        """See how good the sketches are in the clean view; → those that have not settled."""
        worths = []
        for part in active.split(self._at_once(1)):
            chosen, targets = points.detach()[part], rows[part]
            losses = self.loss(self.render(chosen), rows=targets)
            worths.append(self._weighed(losses.total, chosen, targets))
        seen = torch.cat(worths)
        best.offer(points, seen, active)
        done = [
            stoppers[number].look(worth)
            for number, worth in zip(active.tolist(), seen.tolist(), strict=True)
        ]
        return active[~torch.tensor(done, dtype=torch.bool, device=active.device)]

    def _weighed(
        self, losses: torch.Tensor, points: torch.Tensor, rows: torch.Tensor
    ) -> torch.Tensor:
        """The model's loss beside what the edges say."""
        weighed = losses / self.scales[rows]
        if not self.preset.edge_weight:
            return weighed
        return weighed + self.preset.edge_weight * self.energy(points, rows)

    def _at_once(self, views: int) -> int:
        whole = _PICTURES_AT_ONCE * (_PICTURE_SIDE / self.side) ** 2
        return max(1, int(whole / views))


def _rate(preset: Preset, share: float) -> float:
    falling = 0.5 * (1 + math.cos(math.pi * share))
    return preset.last_rate + (preset.learning_rate - preset.last_rate) * falling


def _moments(steps: int, record: int) -> set[int]:
    return {round(i * steps / record) for i in range(record)} if record else set()
