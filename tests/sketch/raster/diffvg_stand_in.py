"""A module with as much of pydiffvg's interface as `sketch.raster.diffvg` uses, in plain torch.

It draws each stroke as a finely cut line and is as touchy as the library: where that ends the
process or stops at a bare assertion, so does this one.
"""

from types import SimpleNamespace
from typing import Any

import torch

_CORNERS = 64


class ProcessEndedError(BaseException):
    """In place of the library's abort."""


class Path:
    def __init__(
        self,
        num_control_points: torch.Tensor,
        points: torch.Tensor,
        is_closed: bool,
        stroke_width: torch.Tensor,
    ) -> None:
        assert num_control_points.tolist() == [2]
        assert not is_closed
        self.points, self.radius = points, stroke_width


class ShapeGroup:
    def __init__(
        self,
        shape_ids: torch.Tensor,
        fill_color: torch.Tensor | None,
        stroke_color: torch.Tensor | None = None,
    ) -> None:
        assert fill_color is None
        assert stroke_color is not None
        self.shape_ids, self.stroke_color = shape_ids.tolist(), stroke_color


class RenderFunction:
    @staticmethod
    def serialize_scene(width: int, height: int, shapes: list, groups: list) -> list[Any]:
        if not shapes:
            raise ProcessEndedError
        for shape in shapes:
            assert bool(torch.isfinite(shape.points).all())
        return [shapes, groups]

    @staticmethod
    def apply(
        width: int, height: int, _across: int, _down: int, _seed: int, background: None, *scene: Any
    ) -> torch.Tensor:
        """RGBA, (height, width, 4)."""
        assert background is None
        shapes, groups = scene
        clear = torch.ones(height, width)
        for group in groups:
            for number in group.shape_ids:
                cover = _coverage(shapes[number], width, height)
                clear = clear * (1 - cover * group.stroke_color[3])
        return torch.cat([torch.zeros(height, width, 3), 1 - clear[..., None]], dim=2)


def _coverage(shape: Path, width: int, height: int) -> torch.Tensor:
    """(height, width), by the distance to the nearest of the line's pieces."""
    from sketch.raster.bezier import sample

    corners = sample(shape.points[None], _CORNERS)[0]
    reach = float(shape.radius) + 1
    low = (corners.detach().amin(0) - reach).floor().long().clamp(min=0)
    high = (corners.detach().amax(0) + reach).ceil().long()
    columns = torch.arange(width)[int(low[0]) : max(0, int(high[0]) + 1)]
    rows = torch.arange(height)[int(low[1]) : max(0, int(high[1]) + 1)]
    if not len(columns) or not len(rows):
        return torch.zeros(height, width) * shape.points.sum()
    centres = torch.cartesian_prod(rows, columns).flip(1) + 0.5
    start, way = corners[:-1], corners[1:] - corners[:-1]
    nearest = torch.cdist(centres, (start + way / 2).detach()).argmin(1)
    away, along = centres - start[nearest], way[nearest]
    share = (away * along).sum(1) / along.square().sum(1).clamp(min=1e-12)
    far = (away - share.clamp(0, 1)[:, None] * along + 1e-6).norm(dim=1)
    found = (shape.radius - far + 0.5).clamp(0, 1).reshape(len(rows), len(columns))
    left, top = int(columns[0]), int(rows[0])
    return torch.nn.functional.pad(
        found, (left, width - left - len(columns), top, height - top - len(rows))
    )


def stand_in() -> SimpleNamespace:
    """What `import pydiffvg` is to give."""
    return SimpleNamespace(
        Path=Path,
        ShapeGroup=ShapeGroup,
        RenderFunction=RenderFunction,
        set_print_timing=lambda _: None,
        set_use_gpu=lambda _: None,
    )
