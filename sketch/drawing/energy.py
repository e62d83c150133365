"""What strokes should be like whatever the model says: near edges, and not crumpled."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from sketch.edges.edge_map import EdgeMap
from sketch.raster.bezier import sample
from sketch.strokes import CANVAS

_SAMPLES = 16
# Farther than this from any edge a stroke is free: there is nothing to be near to.
_FREE_PX = 12.0
_BENDING = 2e-5


class StrokeEnergy:
    """The edges of all targets as fields in which strokes lie."""

    def __init__(self, edges: Sequence[EdgeMap], device: torch.device) -> None:
        distance = np.stack([one.distance for one in edges])
        self._field = torch.from_numpy(distance).to(device).clamp(max=_FREE_PX)[:, None]

    def __call__(self, points: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """(batch, strokes, 4, 2) in canvas pixels → (batch,): 0 on edges, 1 far from all."""
        corners = sample(points, _SAMPLES)
        far = functional.grid_sample(
            self._field[rows],
            corners / (CANVAS / 2) - 1,
            align_corners=False,
            padding_mode="border",
        )
        bends = points[..., :-2, :] - 2 * points[..., 1:-1, :] + points[..., 2:, :]
        bending = bends.square().sum(dim=(-1, -2)).mean(dim=-1)
        return far.mean(dim=(1, 2, 3)) / _FREE_PX + _BENDING * bending
