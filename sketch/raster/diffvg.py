"""diffvg as a rasteriser, for those who have built it. It draws one sketch at a time."""

from typing import Any

import torch

from models.errors import KinodexError
from sketch.raster.interface import check_points, filled

_SAMPLES = 2  # along each side of a pixel, as the paper has it
_SEED = 0


class Diffvg:
    """Li et al., "Differentiable Vector Graphics Rasterization for Editing and Learning", 2020."""

    name = "diffvg"

    def __init__(self) -> None:
        try:
            import pydiffvg
        except ImportError as error:
            raise KinodexError(
                "pydiffvg is not installed: build it from its source, or use 'narrow-band'"
            ) from error
        self._diffvg: Any = pydiffvg
        pydiffvg.set_print_timing(False)
        pydiffvg.set_use_gpu(False)

    def render(
        self,
        points: torch.Tensor,
        half_widths: torch.Tensor | float,
        *,
        size: int,
        opacities: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """See `Rasteriser`."""
        check_points(points)
        if points.numel() == 0:
            # diffvg ends the process over a scene without shapes.
            return points.new_ones(len(points), size, size) + points.sum()
        rows = zip(points, *filled(points, half_widths, opacities), strict=True)
        return torch.stack([self._one(*row, size) for row in rows])

    def _one(
        self, points: torch.Tensor, half_widths: torch.Tensor, opacities: torch.Tensor, size: int
    ) -> torch.Tensor:
        shapes, groups = [], []
        for number, (curve, half_width, opacity) in enumerate(
            zip(points, half_widths, opacities, strict=True)
        ):
            shapes.append(
                self._diffvg.Path(
                    num_control_points=torch.tensor([2]),
                    points=curve,
                    stroke_width=half_width,  # which is the radius there
                    is_closed=False,
                )
            )
            black = torch.cat([curve.new_zeros(3), opacity[None]])
            groups.append(
                self._diffvg.ShapeGroup(
                    shape_ids=torch.tensor([number]), fill_color=None, stroke_color=black
                )
            )
        scene = self._diffvg.RenderFunction.serialize_scene(size, size, shapes, groups)
        picture = self._diffvg.RenderFunction.apply(
            size, size, _SAMPLES, _SAMPLES, _SEED, None, *scene
        )
        return 1 - picture[..., 3]
