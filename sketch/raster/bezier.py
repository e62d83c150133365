"""Cubic Bézier curves: points on them, their lengths, splitting, and fitting one to points."""

import numpy as np
import torch


def bernstein(t: torch.Tensor) -> torch.Tensor:
    """The four cubic Bernstein polynomials, shape (..., 4)."""
    s = 1 - t
    return torch.stack((s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t), dim=-1)


def sample(points: torch.Tensor, count: int) -> torch.Tensor:
    """Points of each curve at equal steps of its parameter, (..., 4, 2) → (..., count, 2)."""
    t = torch.linspace(0, 1, count, dtype=points.dtype, device=points.device)
    return bernstein(t) @ points


def sampled(points: np.ndarray, count: int = 24) -> np.ndarray:
    """Like `sample`, of arrays."""
    return sample(torch.from_numpy(np.asarray(points, np.float32)), count).numpy()


def lengths(points: torch.Tensor, *, samples: int = 33) -> torch.Tensor:
    """Lengths of the curves, (..., 4, 2) → (...), by polylines of `samples` corners."""
    corners = sample(points, samples)
    return (corners[..., 1:, :] - corners[..., :-1, :]).norm(dim=-1).sum(dim=-1)


def split(points: torch.Tensor, t: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The two curves that together are the curve, cut at `t` (de Casteljau); each (..., 4, 2)."""
    a, b, c, d = points.unbind(dim=-2)
    ab, bc, cd = a + (b - a) * t, b + (c - b) * t, c + (d - c) * t
    abc, bcd = ab + (bc - ab) * t, bc + (cd - bc) * t
    middle = abc + (bcd - abc) * t
    return torch.stack((a, ab, abc, middle), dim=-2), torch.stack((middle, bcd, cd, d), dim=-2)


def chord_parameters(corners: np.ndarray) -> np.ndarray:
    """Where along a polyline its corners lie, 0 to 1 by length; (corners, 2) → (corners,)."""
    steps = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    way = np.concatenate([[0.0], np.cumsum(steps)])
    return way / way[-1] if way[-1] > 0 else np.linspace(0, 1, len(corners))


def fit_cubic(corners: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """The curve nearest to a polyline in least squares, (corners, 2) → float32 (4, 2).

    Corners that are too few, or too straight, to tell its shape give a straight one.
    """
    t = chord_parameters(corners)
    if len(corners) < 4:
        return (
            (1 - np.linspace(0, 1, 4))[:, None] * corners[0]
            + np.linspace(0, 1, 4)[:, None] * corners[-1]
        ).astype(np.float32)
    s = 1 - t
    basis = np.stack((s**3, 3 * s * s * t, 3 * s * t * t, t**3), axis=1)
    scale = np.ones(len(t)) if weights is None else np.sqrt(weights)
    # A weak pull of the inner points to thirds of the chord settles what corners leave open.
    pull = 1e-2 * np.array([[0, 1.0, 0, 0], [0, 0, 1.0, 0]])
    thirds = np.stack([(2 * corners[0] + corners[-1]) / 3, (corners[0] + 2 * corners[-1]) / 3])
    solved, *_ = np.linalg.lstsq(
        np.concatenate([basis * scale[:, None], pull]),
        np.concatenate([corners * scale[:, None], 1e-2 * thirds]),
        rcond=None,
    )
    return solved.astype(np.float32)
