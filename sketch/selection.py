"""Which strokes are the best so far, and when a sketch is done."""

from dataclasses import dataclass, field

import torch

# Two looks whose losses differ by less are the same.
TIE = 1e-5


@dataclass
class Stopper:
    """When to stop looking at one sketch.

    With `settled` 0 it is the paper's rule: at the second look in a row that ties with the best,
    which a tie leaves as it is. Else when the best loss has fallen by less than that share in the
    last `patience` looks.
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
        """Keep what is better. points: of the whole batch; losses: of the sketches in `rows`."""
        better = losses < self.losses[rows]
        chosen = rows[better]
        self.losses[chosen] = losses[better]
        self.points[chosen] = points.detach()[chosen]
