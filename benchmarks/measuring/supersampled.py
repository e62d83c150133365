"""Strokes drawn the plain way, with many samples in each pixel: what the rasteriser is held to.

Nothing of the rasteriser takes part.
"""

from itertools import pairwise

import torch

from sketch.raster.bezier import sample

FINENESS = 16
_CORNERS = 200


def supersampled(
    points: torch.Tensor, half_width: float, size: int, *, fineness: int = FINENESS
) -> torch.Tensor:
    """The picture of curves (strokes, 4, 2), (size, size), 1 is white.

    A sample is inked if it lies within the half width of a straight piece of a finely cut curve.
    """
    clear = torch.ones(size * fineness, size * fineness, dtype=torch.bool)
    centres = (torch.arange(len(clear), dtype=torch.float64) + 0.5) / fineness
    for corners in sample(points.double(), _CORNERS):
        for start, end in pairwise(corners):
            _ink(clear, centres, start, end, half_width)
    return clear.float().reshape(size, fineness, size, fineness).mean(dim=(1, 3))


def _ink(
    clear: torch.Tensor,
    centres: torch.Tensor,
    start: torch.Tensor,
    end: torch.Tensor,
    half_width: float,
) -> None:
    """Ink the samples within `half_width` of a straight piece, looking at those near it only."""
    low, high = torch.minimum(start, end) - half_width, torch.maximum(start, end) + half_width
    columns = slice(*torch.searchsorted(centres, torch.stack([low[0], high[0]])).tolist())
    rows = slice(*torch.searchsorted(centres, torch.stack([low[1], high[1]])).tolist())
    way = end - start
    x, y = centres[columns] - start[0], centres[rows, None] - start[1]
    along = ((x * way[0] + y * way[1]) / (way @ way).clamp(min=1e-18)).clamp(0, 1)
    far = (x - along * way[0]).square() + (y - along * way[1]).square()
    clear[rows, columns] &= far > half_width**2


def random_strokes(count: int, *, seed: int, size: int, length: float) -> torch.Tensor:
    """Bent strokes about as long as said, (count, 4, 2), mostly inside."""
    generator = torch.Generator().manual_seed(seed)
    room = max(0.0, size - length - 40)
    middle = size / 2 + (torch.rand(count, 1, 2, generator=generator) - 0.5) * room
    angle = torch.rand(count, 1, generator=generator) * 2 * torch.pi
    along = torch.stack([angle.cos(), angle.sin()], dim=-1)
    places = torch.tensor([-0.5, -0.17, 0.17, 0.5])[:, None] * length
    bends = torch.randn(count, 4, 2, generator=generator) * 0.12 * length
    return middle + along * places + bends


def central_differences(
    curve: torch.Tensor, half_width: float, field: torch.Tensor
) -> torch.Tensor:
    """How the sum of field × picture answers to each control point, (4, 2), over a pixel."""
    told = torch.zeros(4, 2)
    for corner in range(4):
        for axis in range(2):
            step = torch.zeros(4, 2)
            step[corner, axis] = 0.5
            there, back = (
                supersampled((curve + sign * step)[None], half_width, len(field))
                for sign in (1, -1)
            )
            told[corner, axis] = ((there - back) * field).sum()
    return told
