"""The same picture seen a little differently: fixed changes of perspective and cut-outs.

The paper draws new views in every step. Views that stay serve as well in expectation, and what the
model sees of the picture in each of them need be found only once.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, Self

import numpy as np
import torch
from torch.nn import functional

CLEAN = 0  # the number of the view that changes nothing

_GRIDS_KEPT = 64


class ViewBank:
    """Numbered views; view 0 is the picture as it is.

    Every other view moves the picture's corners inwards and cuts a square out of what results,
    as one mapping of places, so that pixels are looked up once. It is the same mapping for
    pictures of any size.
    """

    def __init__(self, mappings: np.ndarray, *, fill: float = 1.0) -> None:
        """
        mappings: (views, 3, 3), from places in the view to places in the picture, homogeneous
            and 0 to 1 from the left top corner
        fill: what lies outside the picture; the paper has black there, a sketch is on white
        """
        self._mappings = torch.from_numpy(mappings).double()
        self._fill = fill
        self._grid = lru_cache(maxsize=_GRIDS_KEPT)(self._make_grid)

    @classmethod
    def draw(
        cls, count: int, *, seed: int, fill: float = 1.0, distortion: float = 0.5, crop: float = 0.8
    ) -> Self:
        """`count` views, the clean one among them; more views of a seed begin with the same ones.

        distortion: each corner moves by up to half of it, as a share of the side, on either axis
        crop: the share of the area that the cut-out keeps
        """
        rng = np.random.default_rng(seed)
        changed = [_random_mapping(rng, distortion, crop) for _ in range(count - 1)]
        return cls(np.stack([np.eye(3), *changed]), fill=fill)

    def __len__(self) -> int:
        return len(self._mappings)

    def apply(
        self,
        images: torch.Tensor,
        views: Sequence[int],
        *,
        size: int,
        outside: Literal["fill", "edge"] = "fill",
    ) -> torch.Tensor:
        """(batch, channels, side, side) → (batch, views, channels, size, size).

        Pictures larger than `size` are averaged, so that thin lines do not flicker.
        outside: what is beyond the picture: the bank's fill, or its nearest pixel
        """
        return torch.stack([self._view(images, view, size, outside) for view in views], 1)

    def _view(self, images: torch.Tensor, view: int, size: int, outside: str) -> torch.Tensor:
        side = images.shape[-1]
        if view == CLEAN:
            return images if side == size else _resized(images, size)
        finer = math.ceil(side / size)
        grid = self._grid(view, size * finer, images.device)
        # One grid serves the whole batch: pictures travel as channels.
        flat = images.reshape(1, -1, side, side)
        if outside == "fill":
            sampled = self._fill + _sampled(flat - self._fill, grid, "zeros")
        else:
            sampled = _sampled(flat, grid, "border")
        return functional.avg_pool2d(sampled, finer).reshape(*images.shape[:2], size, size)

    def _make_grid(self, view: int, size: int, device: torch.device) -> torch.Tensor:
        centres = (torch.arange(size, dtype=torch.float64) + 0.5) / size
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        places = torch.stack([x, y, torch.ones_like(x)], -1) @ self._mappings[view].T
        grid = 2 * places[..., :2] / places[..., 2:] - 1  # grid_sample counts from -1 to 1
        return grid[None].float().to(device)


def _random_mapping(rng: np.random.Generator, distortion: float, crop: float) -> np.ndarray:
    inwards = rng.uniform(0, distortion / 2, (4, 2))
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)
    moved = corners + inwards * (1 - 2 * corners)
    side = math.sqrt(crop)
    left, top = rng.uniform(0, 1 - side, 2)
    cut_out = np.array([[side, 0, left], [0, side, top], [0, 0, 1]])
    return _perspective(moved, corners) @ cut_out


def _perspective(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The 3 × 3 mapping that takes four points to four others."""
    rows = []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    solution = np.linalg.solve(np.array(rows), target.reshape(-1))
    return np.append(solution, 1.0).reshape(3, 3)


def _sampled(images: torch.Tensor, grid: torch.Tensor, padding: str) -> torch.Tensor:
    return functional.grid_sample(images, grid, padding_mode=padding, align_corners=False)


def _resized(images: torch.Tensor, size: int) -> torch.Tensor:
    return functional.interpolate(
        images, (size, size), mode="bilinear", align_corners=False, antialias=True
    )
