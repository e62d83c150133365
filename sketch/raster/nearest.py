"""For every pixel near a curve, the curve's nearest point: what drawing a stroke costs most."""

from dataclasses import dataclass

import torch

# Distance of neighbouring samples of a curve, in pixels: small enough for Newton's method to reach
# the nearest point from the nearest sample.
_STEP = 3.0
_NEWTON_STEPS = 2
_MOST_SAMPLES = 8191
_NONE = torch.iinfo(torch.int64).max


@dataclass(frozen=True)
class NearPixels:
    """All pairs of a curve and a pixel near it, sorted by curve; every tensor has shape (pairs,).

    x, y: the way from the pixel's centre to the curve's nearest point
    distance: the length of that
    across_x, across_y: the unit vector across the curve there
    """

    curve: torch.Tensor
    column: torch.Tensor
    row: torch.Tensor
    t: torch.Tensor
    x: torch.Tensor
    y: torch.Tensor
    distance: torch.Tensor
    across_x: torch.Tensor
    across_y: torch.Tensor


def near_pixels(points: torch.Tensor, reach: float, size: int) -> NearPixels:
    """The pixels of a `size` × `size` square whose centres lie within `reach` of a curve, and more.

    points: finite, (curves, 4, 2), without gradient. All are found that lie nearer than `reach`,
    and some that lie farther, by up to a pixel.
    """
    curve, column, row, t, dt = _nearest_samples(points, reach, size)
    pixel_x, pixel_y = column + 0.5, row + 0.5
    cubic, square, linear, constant = _power_basis(points)
    (ax, ay), (bx, by), (cx, cy) = (
        c.t().index_select(1, curve).unbind() for c in (cubic, square, linear)
    )
    dx, dy = constant.t().index_select(1, curve).unbind()
    dx, dy = dx - pixel_x, dy - pixel_y
    low, high = (t - dt).clamp_(min=0), (t + dt).clamp_(max=1)
    for _ in range(_NEWTON_STEPS):
        x, y = ((ax * t + bx) * t + cx) * t + dx, ((ay * t + by) * t + cy) * t + dy
        vx, vy = (3 * ax * t + 2 * bx) * t + cx, (3 * ay * t + 2 * by) * t + cy
        speed = vx * vx + vy * vy
        bend = speed + x * (6 * ax * t + 2 * bx) + y * (6 * ay * t + 2 * by)
        # Where the curve bends away, Newton's step would go to the farthest point.
        slope = torch.where(bend > 0.2 * speed, bend, speed) + 1e-6
        t = torch.minimum(torch.maximum(t - (x * vx + y * vy) / slope, low), high)
    x, y = ((ax * t + bx) * t + cx) * t + dx, ((ay * t + by) * t + cy) * t + dy
    distance = (x * x + y * y + 1e-12).sqrt()
    return NearPixels(
        curve,
        column,
        row,
        t,
        x,
        y,
        distance,
        *_across(t, x, y, distance, (ax, bx, cx), (ay, by, cy)),
    )


def _across(
    t: torch.Tensor,
    x: torch.Tensor,
    y: torch.Tensor,
    distance: torch.Tensor,
    along_x: tuple[torch.Tensor, ...],
    along_y: tuple[torch.Tensor, ...],
) -> tuple[torch.Tensor, torch.Tensor]:
    """At right angles to the curve; round its ends, away from them."""
    vx = (3 * along_x[0] * t + 2 * along_x[1]) * t + along_x[2]
    vy = (3 * along_y[0] * t + 2 * along_y[1]) * t + along_y[2]
    speed = (vx * vx + vy * vy).sqrt()
    # On the middle line itself the way to the nearest point has no direction, but the curve has;
    # where a pixel's centre is the very end of a curve, any direction will do.
    by_curve = (t > 0) & (t < 1) & (speed > 1e-3)
    at_end = distance < 1e-4
    return (
        torch.where(by_curve, -vy / (speed + 1e-12), torch.where(at_end, 1.0, x / distance)),
        torch.where(by_curve, vx / (speed + 1e-12), torch.where(at_end, 0.0, y / distance)),
    )


def _power_basis(points: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The curves as polynomials of t: factors of t³, t², t and 1, each (curves, 2)."""
    a, b, c, d = points.unbind(dim=1)
    return d - a + 3 * (b - c), 3 * (a - 2 * b + c), 3 * (b - a), a


def _nearest_samples(
    points: torch.Tensor, reach: float, size: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Curve, column, row of each pair, its nearest sample's parameter and that curve's step."""
    device = points.device
    # Three times the longest side of the control polygon bounds the speed of the curve.
    speed = 3 * (points[:, 1:] - points[:, :-1]).norm(dim=-1).amax(dim=-1)
    counts = (speed / _STEP).ceil_().clamp_(3, _MOST_SAMPLES).long() + 1
    owner = torch.repeat_interleave(torch.arange(len(points), device=device), counts)
    first = torch.cumsum(counts, 0) - counts
    step = 1 / (counts - 1).to(points.dtype)
    t = (torch.arange(len(owner), device=device) - first[owner]) * step[owner]
    cubic, square, linear, constant = (factor[owner] for factor in _power_basis(points))
    u = t[:, None]
    at = ((cubic * u + square) * u + linear) * u + constant
    corner = at.floor()
    offset = at - corner - 0.5
    # The longest curves have samples farther apart than a step.
    farthest_step = float((speed * step).amax().clamp(max=4 * _STEP)) if len(points) else _STEP
    limit = reach * reach + (max(farthest_step, _STEP) / 2) ** 2 + 0.01
    radius = int(limit**0.5 + 0.5)
    around = torch.arange(-radius, radius + 1, device=device)
    squared_x = (around - offset[:, :1]).square()
    squared_y = (around - offset[:, 1:]).square()
    squared = squared_y[:, :, None] + squared_x[:, None, :]
    columns = corner[:, :1].long() + around
    rows = corner[:, 1:].long() + around
    inside = ((columns >= 0) & (columns < size))[:, None, :] & ((rows >= 0) & (rows < size))[
        :, :, None
    ]
    pairs = ((squared <= limit) & inside).reshape(-1).nonzero().squeeze(1)
    side = len(around)
    owner_of = torch.div(pairs, side * side, rounding_mode="floor")
    within = pairs - owner_of * (side * side)
    down = torch.div(within, side, rounding_mode="floor")
    column = columns.reshape(-1)[owner_of * side + within - down * side]
    row = rows.reshape(-1)[owner_of * side + down]
    curve = owner[owner_of]
    # One number holds the distance and which pair it is: the smallest wins, and never two.
    rank = ((squared.reshape(-1)[pairs] * 65536).long() << 32) | torch.arange(
        len(pairs), device=device
    )
    place, places = _places(points, curve, column, row, reach, size)
    best = torch.full((places,), _NONE, dtype=torch.int64, device=device)
    best.scatter_reduce_(0, place, rank, "amin")
    won = best[best < _NONE] & 0xFFFFFFFF
    curve = curve[won]
    return curve, column[won], row[won], t[owner_of[won]], step[curve]


def _places(
    points: torch.Tensor,
    curve: torch.Tensor,
    column: torch.Tensor,
    row: torch.Tensor,
    reach: float,
    size: int,
) -> tuple[torch.Tensor, int]:
    """A number for each pair of curve and pixel, and how many there are: a box for each curve."""
    margin = int(reach + 2 * _STEP) + 2
    low = (points.amin(dim=1).floor().long() - margin).clamp_(0, size - 1)
    high = (points.amax(dim=1).floor().long() + margin).clamp_(0, size - 1)
    sides = high - low + 1
    areas = sides[:, 0] * sides[:, 1]
    starts = torch.cumsum(areas, 0) - areas
    base = starts - low[:, 1] * sides[:, 0] - low[:, 0]
    return base[curve] + row * sides[curve, 0] + column, int(areas.sum())
