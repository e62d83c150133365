"""Strokes to pictures, with gradients to where they lie, how wide they are and how dark.

For every pixel near a stroke the nearest point of its middle line is found without any gradient.
How much of the pixel is covered depends on that distance alone, and by the envelope theorem the
distance's gradient is the same as if the nearest point stayed where it is on the curve. So the
work grows with the ink and not with the canvas, and nothing is sampled at random.
"""

from typing import Any

import numpy as np
import torch

from models.threads import one_thread
from sketch.raster.bezier import bernstein
from sketch.raster.coverage import Shadow, covered
from sketch.raster.interface import check_points, filled
from sketch.raster.nearest import NearPixels, near_pixels
from sketch.strokes import CANVAS, Strokes

# A stroke never hides all of what lies below, so that gradients reach through it.
_HIDES = 0.999
# A pixel feels an edge as far as its own corner and half a pixel more.
_REACH = 0.5**0.5 + 0.5


class NarrowBand:
    """The rasteriser of this project: pure torch, on any device."""

    name = "narrow-band"

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
        image: torch.Tensor = _Render.apply(points, *filled(points, half_widths, opacities), size)
        return image


class _Render(torch.autograd.Function):
    """One function instead of a graph of dozens: of operations this small, the graph costs most."""

    @staticmethod
    def forward(
        ctx: Any,
        points: torch.Tensor,
        half_widths: torch.Tensor,
        opacities: torch.Tensor,
        size: int,
    ) -> torch.Tensor:
        batch, strokes = points.shape[:2]
        with one_thread():
            near, radius, shadow = _near(points, half_widths, size)
            cover = covered(near.distance, radius, shadow)
            opacity = opacities.reshape(-1)[near.curve]
            where = near.row * size + near.column
            if batch > 1:
                where += torch.div(near.curve, strokes, rounding_mode="floor") * (size * size)
            left = 1 - _HIDES * cover * opacity
            # Summed in double precision, neither the order of the strokes nor where in memory they
            # lie shows in the picture.
            hidden = points.new_zeros(batch * size * size, dtype=torch.float64)
            clear = hidden.index_add_(0, where, left.double().log()).exp_().to(points.dtype)
        ctx.save_for_backward(
            near.curve, near.t, near.x, near.y, near.distance, radius, opacity, cover, where,
            left, clear, shadow.long, shadow.short,
        )  # fmt: skip
        ctx.strokes = (batch, strokes)
        return (1 + (clear - 1) / _HIDES).reshape(batch, size, size)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (
            curve, t, x, y, distance, radius, opacity, cover, where, left, clear, *shadow
        ) = ctx.saved_tensors  # fmt: skip
        batch, strokes = ctx.strokes
        with one_thread():
            # How the picture answers to what is left of each pixel by each stroke.
            force = -(gradients[0].reshape(-1) * clear)[where] / left
            pixel = Shadow(*shadow)
            near_edge, far_edge = pixel.felt(radius - distance), pixel.felt(radius + distance)
            by_cover = force * opacity
            pull = by_cover * (far_edge - near_edge) / distance
            basis = bernstein(t)
            moved = torch.cat([basis * (pull * x)[:, None], basis * (pull * y)[:, None]], dim=1)
            widened = by_cover * (near_edge + far_edge)
            parts = torch.cat([moved, widened[:, None], (force * cover)[:, None]], dim=1)
            sums = parts.new_zeros(batch * strokes, 10).index_add_(0, curve, parts)
        to_points = torch.stack([sums[:, :4], sums[:, 4:8]], dim=-1)
        return (
            to_points.reshape(batch, strokes, 4, 2),
            sums[:, 8].reshape(batch, strokes),
            sums[:, 9].reshape(batch, strokes),
            None,
        )


def _near(
    points: torch.Tensor, half_widths: torch.Tensor, size: int
) -> tuple[NearPixels, torch.Tensor, Shadow]:
    """Pixels near the strokes; the half width and the pixel's shadow for each pair."""
    reach = float(half_widths.detach().amax()) + _REACH if half_widths.numel() else _REACH
    near = near_pixels(points.detach().reshape(-1, 4, 2), reach, size)
    radius = half_widths.detach().reshape(-1)[near.curve]
    return near, radius, Shadow.across(near.across_x, near.across_y)


def render_strokes(strokes: Strokes, *, size: int = CANVAS) -> np.ndarray:
    """The strokes as a picture, float32 (size, size), 1 is white."""
    scale = size / CANVAS
    with torch.no_grad():
        image = NarrowBand().render(
            torch.from_numpy(strokes.points * np.float32(scale))[None],
            torch.from_numpy(strokes.half_widths * np.float32(scale))[None],
            size=size,
            opacities=torch.from_numpy(strokes.opacities)[None],
        )
    return image[0].clamp(0, 1).numpy()


@torch.no_grad()
def stroke_layers(points: torch.Tensor, half_widths: torch.Tensor, *, size: int) -> torch.Tensor:
    """What each stroke covers by itself, (batch, strokes, size, size), 1 is ink."""
    batch, strokes = points.shape[:2]
    alone = NarrowBand().render(
        points.reshape(batch * strokes, 1, 4, 2), half_widths.reshape(-1, 1), size=size
    )
    return (1 - alone).reshape(batch, strokes, size, size)
