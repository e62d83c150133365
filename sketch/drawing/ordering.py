"""In which order to draw: each stroke the one that makes the sketch most like its picture."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from sketch.raster.narrow_band import stroke_layers

# Candidates that are looked at together.
_CHUNK = 8

# Images (batch, side, side) → losses (batch,).
Judge = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Order:
    """strokes: their numbers in drawing order; losses: of the empty canvas and of each prefix."""

    strokes: list[int]
    losses: list[float]

    @property
    def gains(self) -> list[float]:
        """By which share of the whole way each stroke lowers the loss; all 0 if nothing is won."""
        whole = self.losses[0] - self.losses[-1]
        if whole <= 0:
            return [0.0] * len(self.strokes)
        steps = zip(self.losses[:-1], self.losses[1:], strict=True)
        return [(before - after) / whole for before, after in steps]

    def enough(self, share: float) -> int:
        """The shortest prefix that gains what the best prefix gains, but for `share` of it.

        Strokes that come last may make a sketch worse: they are of the background.
        """
        best = min(self.losses)
        limit = best + share * max(0.0, self.losses[0] - best)
        prefixes = range(1, len(self.losses))
        return next((n for n in prefixes if self.losses[n] <= limit), 1)

    def first(self, count: int) -> "Order":
        """The order of the first strokes alone."""
        return Order(self.strokes[:count], self.losses[: count + 1])

    def with_missing(
        self,
        points: torch.Tensor,
        half_widths: torch.Tensor,
        missed: Judge,
        *,
        share: float,
        size: int,
    ) -> "Order":
        """These strokes, then those of all others (strokes, 4, 2) without which too much is missed.

        missed: the share of what should be drawn that is not, 1 of the empty canvas
        share: how much of what all strokes together draw may be missing. As few strokes as
            possible join; they gain nothing, for the losses are those of another judge.
        """
        rest = [number for number in range(len(points)) if number not in self.strokes]
        if not rest:
            return self
        own = stroke_layers(points[None, self.strokes], half_widths[None, self.strokes], size=size)
        clear = (1 - own[0]).prod(dim=0)
        joining = greedy_order(
            points[rest], half_widths[rest], lambda images: missed(images * clear), size=size
        )
        least = min(joining.losses)
        limit = least + share * (1 - least)
        count = next(n for n, loss in enumerate(joining.losses) if loss <= limit)
        joined = [rest[number] for number in joining.strokes[:count]]
        return Order(self.strokes + joined, self.losses + self.losses[-1:] * count)


@torch.no_grad()
def greedy_order(
    points: torch.Tensor, half_widths: torch.Tensor, judge: Judge, *, size: int
) -> Order:
    """The order of one sketch's strokes (strokes, 4, 2), in pixels of `size`.

    Lazy greedy selection (Minoux 1978): what a stroke gained when it was last looked at says
    whether it is worth a look now. That is exact where gains only shrink as the sketch fills, and
    a good guess where not.
    """
    layers = stroke_layers(points[None], half_widths[None], size=size)[0]
    clear = torch.ones_like(layers[0])

    losses, order = judge(clear[None]).tolist(), list[int]()
    waiting = {number: float("inf") for number in range(len(points))}
    while waiting:
        looked_at: dict[int, float] = {}
        while True:
            stale = sorted(set(waiting) - set(looked_at), key=lambda n: -waiting[n])[:_CHUNK]
            best = max(looked_at.values(), default=-float("inf"))
            if not stale or (looked_at and waiting[stale[0]] <= best):
                break
            told = judge(clear * (1 - layers[stale])).tolist()
            for number, loss in zip(stale, told, strict=True):
                waiting[number] = looked_at[number] = losses[-1] - loss
        chosen = max(looked_at, key=lambda n: (looked_at[n], -n))
        order.append(chosen)
        losses.append(losses[-1] - looked_at[chosen])
        clear = clear * (1 - layers[chosen])
        del waiting[chosen]
    return Order(order, losses)
