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
        self._weights = torch.from_numpy(np.stack([_laid(one, size) for one in edges])).to(device)
        self._reach = max(1, round(_NEAR_PX * size / CANVAS))

    def missed(self, images: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """The share of the edges' weight that images (batch, size, size) leave undrawn, (batch,).

        0 for a target without edges. No gradient is to be had from it.
        """
        side = 2 * self._reach + 1
        ink = ((1 - images) / _INK).clamp(0, 1)[:, None]
        near = functional.max_pool2d(ink, side, stride=1, padding=self._reach)[:, 0]
        return (self._weights[rows] * (1 - near)).sum(dim=(1, 2))


def _laid(edges: EdgeMap, size: int) -> np.ndarray:
    """The weights of edge pixels on a smaller canvas, summing to 1."""
    laid = np.zeros((size, size), np.float32)
    if len(edges.pixels):
        columns, rows = (edges.pixels * size / CANVAS).astype(int).clip(0, size - 1).T
        np.add.at(laid, (rows, columns), edges.weights)
        laid /= laid.sum()
    return laid
