"""Strokes drawn the plain way: many samples in each pixel, each inside or outside."""

from itertools import pairwise

import torch

from sketch.bezier import sample

FINENESS = 16
_CORNERS = 400


def supersampled(
    points: torch.Tensor, half_width: float, size: int, *, fineness: int = FINENESS
) -> torch.Tensor:
    """The picture of curves (strokes, 4, 2), (size, size), 1 is white."""
    clear = torch.ones(size * fineness, size * fineness, dtype=torch.bool)
    centres = (torch.arange(size * fineness, dtype=torch.float64) + 0.5) / fineness
    for corners in sample(points.double(), _CORNERS):
        low = ((corners.amin(0) - half_width) * fineness).floor().clamp(min=0).long()
        high = ((corners.amax(0) + half_width) * fineness).ceil().clamp(max=len(clear)).long() + 1
        xs, ys = centres[low[0] : high[0]], centres[low[1] : high[1]]
        inside = torch.zeros(len(ys), len(xs), dtype=torch.bool)
        for start, end in pairwise(corners):
            _mark(inside, xs, ys, start, end, half_width)
        clear[low[1] : high[1], low[0] : high[0]] &= ~inside
    return clear.float().reshape(size, fineness, size, fineness).mean(dim=(1, 3))


def _mark(
    inside: torch.Tensor,
    xs: torch.Tensor,
    ys: torch.Tensor,
    start: torch.Tensor,
    end: torch.Tensor,
    half_width: float,
) -> None:
    """Mark the samples within `half_width` of a straight piece, looking at those near it only."""
    low, high = torch.minimum(start, end) - half_width, torch.maximum(start, end) + half_width
    columns = slice(*torch.searchsorted(xs, torch.stack([low[0], high[0]])).tolist())
    rows = slice(*torch.searchsorted(ys, torch.stack([low[1], high[1]])).tolist())
    way = end - start
    x, y = xs[columns] - start[0], ys[rows, None] - start[1]
    along = ((x * way[0] + y * way[1]) / (way @ way).clamp(min=1e-18)).clamp(0, 1)
    near = (x - along * way[0]).square() + (y - along * way[1]).square() <= half_width**2
    inside[rows, columns] |= near


def random_strokes(count: int, seed: int, *, size: int = 96, length: float = 45.0) -> torch.Tensor:
    """Bent strokes about as long as said, (count, 4, 2), wholly inside."""
    generator = torch.Generator().manual_seed(seed)
    middle = size / 2 + (torch.rand(count, 1, 2, generator=generator) - 0.5) * size * 0.3
    angle = torch.rand(count, 1, generator=generator) * 2 * torch.pi
    along = torch.stack([angle.cos(), angle.sin()], dim=-1)
    places = torch.tensor([-0.5, -0.17, 0.17, 0.5])[None, :, None] * length
    return middle + along * places + torch.randn(count, 4, 2, generator=generator) * length * 0.12
