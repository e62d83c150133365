"""A fixed bank of views: the same random perspectives and crops for sketch, picture and mask.

The paper draws four new views in every step. A bank drawn once serves as well in expectation, and
what the model sees of the picture in each of its views need be found only once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.nn import functional

CLEAN = 0


@dataclass(frozen=True)
class ViewBank:
    """Views of a square picture; number 0 is the picture itself.

    transforms: float64 (views, 3, 3): from a place in the view to that in the picture, both from
        0 to 1 in homogeneous coordinates
    fill: what lies beyond the picture. The paper's views have black there, which sketches have not
    """

    transforms: np.ndarray
    fill: float = 1.0
    _grids: dict[tuple[int, int, torch.device], torch.Tensor] = field(
        default_factory=dict, compare=False, repr=False
    )

    @classmethod
    def draw(
        cls, count: int, *, seed: int, fill: float = 1.0, distortion: float = 0.5, crop: float = 0.8
    ) -> "ViewBank":
        """`count` views, the clean one among them.

        distortion: each corner moves inward by up to half of this share of the side
        crop: the share of the area that is kept after that
        """
        rng = np.random.default_rng([seed, 41])
        views = [np.eye(3)]
        side = crop**0.5
        while len(views) < count:
            left, top = rng.uniform(0, 1 - side, 2)
            cut = np.array([[side, 0, left], [0, side, top], [0, 0, 1.0]])
            views.append(_perspective(rng.uniform(0, distortion / 2, (4, 2))) @ cut)
        return cls(np.stack(views[:count]), fill)

    def __len__(self) -> int:
        return len(self.transforms)

    def apply(self, images: torch.Tensor, views: Sequence[int], *, size: int) -> torch.Tensor:
        """Views of images, (batch, channels, side, side) → (batch, views, channels, size, size)."""
        shrunk = _shrunk(images, size)
        batch, channels = images.shape[:2]
        seen = [
            functional.interpolate(shrunk, size=(size, size), mode="bilinear", align_corners=False)
            if view == CLEAN
            else functional.grid_sample(
                shrunk - self.fill,
                self._grid(view, size, images.device).expand(batch, -1, -1, -1),
                align_corners=False,
            )
            + self.fill
            for view in views
        ]
        return torch.stack(seen, dim=1).reshape(batch, len(views), channels, size, size)

    def _grid(self, view: int, size: int, device: torch.device) -> torch.Tensor:
        key = (view, size, device)
        if key not in self._grids:
            centres = (np.arange(size) + 0.5) / size
            x, y = np.meshgrid(centres, centres)
            at = np.stack([x, y, np.ones_like(x)], axis=-1) @ self.transforms[view].T
            places = at[..., :2] / at[..., 2:] * 2 - 1
            self._grids[key] = torch.from_numpy(places.astype(np.float32))[None].to(device)
        return self._grids[key]


def _shrunk(images: torch.Tensor, size: int) -> torch.Tensor:
    """Averaged down to less than twice the wanted size: views do not skip pixels."""
    factor = images.shape[-1] // size
    return functional.avg_pool2d(images, factor) if factor > 1 else images


def _perspective(inward: np.ndarray) -> np.ndarray:
    """From a view to the picture whose corners have moved inward by so much, (4, 2), clockwise."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]])
    moved = corners + inward * np.array([[1, 1], [-1, 1], [-1, -1], [1, -1.0]])
    rows, values = [], []
    for (u, v), (x, y) in zip(moved, corners, strict=True):
        rows += [[u, v, 1, 0, 0, 0, -x * u, -x * v], [0, 0, 0, u, v, 1, -y * u, -y * v]]
        values += [x, y]
    return np.append(np.linalg.solve(np.array(rows), np.array(values)), 1.0).reshape(3, 3)
