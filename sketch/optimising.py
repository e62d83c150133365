"""The optimisation of strokes: Adam on control points, many sketches at once."""

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from sketch.losses import ClipLoss
from sketch.presets import Preset
from sketch.selection import BestStrokes, Stopper
from sketch.stroke_energy import StrokeEnergy
from sketch.views import CLEAN

# Points in canvas pixels → pictures for the model.
Render = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Outcome:
    """points: (sketches, strokes, 4, 2), the best of each; losses: (sketches,) of the clean view;
    rows: the target of each; history: points of all at recorded moments.
    """

    points: torch.Tensor
    losses: torch.Tensor
    rows: torch.Tensor
    history: tuple[torch.Tensor, ...]
    iterations: int


@dataclass(frozen=True)
class Optimiser:
    """Moves strokes until the model sees what it sees in their pictures."""

    render: Render
    loss: ClipLoss
    preset: Preset
    energy: StrokeEnergy
    seed: int = 0
    stop: threading.Event | None = None

    def run(
        self,
        points: torch.Tensor,
        rows: torch.Tensor,
        *,
        iterations: int | None = None,
        warm: bool = False,
        record: int = 0,
        told: Callable[[int, int], None] | None = None,
        frozen: int = 0,
    ) -> Outcome:
        """Optimise sketches (sketches, strokes, 4, 2) of the targets in `rows`.

        frozen: so many first strokes of each stay where they are
        """
        preset = self.preset
        steps = iterations or (preset.warm_iterations if warm else preset.iterations)
        moving = points.detach().clone().requires_grad_()
        adam = torch.optim.Adam([moving], lr=preset.learning_rate)
        best = BestStrokes(moving)
        stoppers = [Stopper(preset.settled, preset.patience) for _ in rows]
        active = torch.arange(len(rows), device=rows.device)
        scale = torch.ones(len(rows), device=rows.device)
        history: list[torch.Tensor] = []
        moments = _moments(steps, record)
        generator = torch.Generator().manual_seed(self.seed)
        step = 0
        for step in range(steps):
            if step in moments:
                history.append(best.points.clone() if step else moving.detach().clone())
            if step % preset.evaluate_every == 0:
                losses = self._look(moving, rows, best, active)
                if step == 0:
                    scale = losses.clamp(min=1e-6)
                active = _still_active(active, losses, stoppers)
                if told is not None:
                    told(step, steps)
                if len(active) == 0 or (self.stop is not None and self.stop.is_set()):
                    break
            for group in adam.param_groups:
                group["lr"] = _rate(preset, step / steps)
            adam.zero_grad()
            self._objective(moving, rows, active, scale, step, generator).backward()
            if frozen and moving.grad is not None:
                moving.grad[:, :frozen] = 0
            adam.step()
        else:
            self._look(moving, rows, best, active)
        if record:
            history.append(best.points.clone())
        if told is not None:
            told(steps, steps)
        return Outcome(best.points, best.losses, rows, tuple(history), step + 1)

    def _objective(
        self,
        points: torch.Tensor,
        rows: torch.Tensor,
        active: torch.Tensor,
        scale: torch.Tensor,
        step: int,
        generator: torch.Generator,
    ) -> torch.Tensor:
        preset = self.preset
        views = self._views(step, generator)
        embedding = step % preset.embedding_every == 0
        # Leaving sketches out costs a copy, so only when some have settled.
        whole = len(active) == len(rows)
        chosen, targets = (points, rows) if whole else (points[active], rows[active])
        losses = self.loss(self.render(chosen), views, embedding=embedding, rows=targets)
        total = losses.total / scale[active]
        if preset.edge_weight:
            total = total + preset.edge_weight * self.energy(chosen, targets)
        return total.sum()

    def _views(self, step: int, generator: torch.Generator) -> list[int]:
        preset = self.preset
        if preset.clean_view:
            chosen = torch.randperm(preset.bank, generator=generator)[: preset.views_per_step]
            return [CLEAN, *(1 + int(number) for number in chosen)]
        return [
            (step * preset.views_per_step + i) % (preset.bank + 1)
            for i in range(preset.views_per_step)
        ]

    @torch.no_grad()
    def _look(
        self, points: torch.Tensor, rows: torch.Tensor, best: BestStrokes, active: torch.Tensor
    ) -> torch.Tensor:
        """The clean view's loss, with the edges' say; what is best is kept."""
        chosen, targets = points.detach()[active], rows[active]
        losses = self.loss(self.render(chosen), rows=targets).total
        best.offer(points, losses, active)
        return losses


def _still_active(
    active: torch.Tensor, losses: torch.Tensor, stoppers: Sequence[Stopper]
) -> torch.Tensor:
    done = [
        stoppers[int(number)].look(float(loss)) for number, loss in zip(active, losses, strict=True)
    ]
    return active[~torch.tensor(done, dtype=torch.bool, device=active.device)]


def _rate(preset: Preset, share: float) -> float:
    falling = 0.5 * (1 + math.cos(math.pi * share))
    return preset.last_rate + (preset.learning_rate - preset.last_rate) * falling


def _moments(steps: int, record: int) -> set[int]:
    return {round(i * steps / record) for i in range(record)} if record else set()
