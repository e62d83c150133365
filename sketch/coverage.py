"""How much of a pixel a stroke covers, from how far it is from the stroke's middle line."""

import torch

# Below this an edge counts as parallel to the pixel's sides: the formula divides by it.
_LEAST_SLANT = 1e-3


def covered(
    distance: torch.Tensor,
    half_width: torch.Tensor,
    across: tuple[torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    """The area of a unit pixel within `half_width` of a straight line, 0 to 1; all shapes alike.

    distance: of the pixel's centre from the line, pixels
    across: the unit vector at right angles to the line, (x, y)

    Seen across the line, a pixel is a trapezoid: as wide as its two sides' shadows together at the
    foot, and as their difference at the top. Its area up to an edge is a quadratic spline, and a
    stroke is what lies between its two edges. That is exact for straight strokes of any width.
    """
    x, y = across[0].abs(), across[1].abs()
    long, short = torch.maximum(x, y), torch.minimum(x, y).clamp(min=_LEAST_SLANT)
    near, far = half_width - distance, half_width + distance
    beyond_near = _area_beyond(near.abs(), long, short)
    inside = torch.where(near > 0, 1 - beyond_near, beyond_near)
    return (inside - _area_beyond(far, long, short)).clamp_(0, 1)


def _area_beyond(edge: torch.Tensor, long: torch.Tensor, short: torch.Tensor) -> torch.Tensor:
    """The part of a pixel farther than `edge` from its centre, on one side; exactly 0 at last.

    First a triangle at the corner, as deep as the trapezoid's slope, and a strip from there on.
    """
    depth = ((long + short) / 2 - edge).clamp_(min=0)
    corner = torch.minimum(depth, short)
    return corner * (depth - corner / 2) / (long * short)


def tent(offset: torch.Tensor) -> torch.Tensor:
    """The weight with which a pixel feels an edge that lies `offset` pixels from its centre.

    It is two pixels wide where the coverage's own derivative is one: neighbouring pixels share an
    edge, so that the gradient does not depend on how the edge lies in the grid.
    """
    return (1 - offset.abs()).clamp_(min=0)
