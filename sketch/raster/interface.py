"""What every rasteriser is."""

from typing import Protocol

import torch


class Rasteriser(Protocol):
    """What draws strokes."""

    name: str

    def render(
        self,
        points: torch.Tensor,
        half_widths: torch.Tensor | float,
        *,
        size: int,
        opacities: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Black strokes on white, (batch, size, size), 1 is white.

        points: (batch, strokes, 4, 2), in pixels of that size
        half_widths, opacities: (batch, strokes)

        Gradients go to all three. The order of the strokes does not matter; without any the
        picture is white.

        Raises ValueError for points that are no numbers.
        """
        ...


def check_points(points: torch.Tensor) -> None:
    """Raises ValueError for points that are no numbers."""
    if not bool(torch.isfinite(points).all()):
        raise ValueError("the points of a stroke must be finite numbers")


def filled(
    points: torch.Tensor, half_widths: torch.Tensor | float, opacities: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Half widths and opacities of every stroke, (batch, strokes), where one or none was given."""
    shape = points.shape[:2]
    if not torch.is_tensor(half_widths):
        half_widths = points.new_full(shape, float(half_widths))
    return half_widths, points.new_ones(shape) if opacities is None else opacities
