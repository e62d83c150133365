"""How much of the edges is drawn: what a sketch is worth whoever looks at it."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from sketch.edges.edge_map import EdgeMap
from sketch.strokes import CANVAS

# How near an edge ink must be, in canvas pixels, for the edge to count as drawn.
_NEAR_PX = 2.0
# The middle of a thin line on a small canvas is no blacker than this.
_INK = 0.7


class EdgeCoverage:
    """The edges of all targets, weighted, at the size at which sketches are drawn."""

    def __init__(self, edges: Sequence[EdgeMap], size: int, device: torch.device) -> None:
        def laid(values: Sequence[np.ndarray]) -> torch.Tensor:
            both = zip(edges, values, strict=True)
            return torch.from_numpy(np.stack([_laid(one, v, size) for one, v in both])).to(device)

        self._weights = laid([one.weights for one in edges])
        self._lengths = laid([one.belongs for one in edges])
        self._reach = max(1, round(_NEAR_PX * size / CANVAS))

    def missed(self, images: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """The share of the edges' weight that images (batch, size, size) leave undrawn, (batch,).

        0 for a target without edges. No gradient is to be had from it.
        """
        return (self._weights[rows] * (1 - self._near(images))).sum(dim=(1, 2))

    def missed_length(self, images: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """The same share of the length of the subject's edges: faint ones count like clear ones."""
        return (self._lengths[rows] * (1 - self._near(images))).sum(dim=(1, 2))

    def _near(self, images: torch.Tensor) -> torch.Tensor:
        """How far there is ink at each place, or near it: same shape, 0 to 1."""
        side = 2 * self._reach + 1
        ink = ((1 - images) / _INK).clamp(0, 1)[:, None]
        return functional.max_pool2d(ink, side, stride=1, padding=self._reach)[:, 0]


def _laid(edges: EdgeMap, values: np.ndarray, size: int) -> np.ndarray:
    """What edge pixels count on a smaller canvas, summing to 1."""
    laid = np.zeros((size, size), np.float32)
    if len(edges.pixels):
        columns, rows = (edges.pixels * size / CANVAS).astype(int).clip(0, size - 1).T
        np.add.at(laid, (rows, columns), values)
        laid /= laid.sum()
    return laid
