"""Place, size and angle as numbers, and how well an embedding holds them."""

import math
from collections.abc import Sequence

import torch
from torch.nn import functional

from smallworld.pictures import Picture
from smallworld.things import things_by_name

POSE_DIM = 5

# Brings each number to about -1..1.
_CENTRE, _REACH = 0.5, 0.25
_LOG_SIZE, _LOG_REACH = math.log(0.4), 0.6


def pose_targets(pictures: Sequence[Picture]) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the thing is, how large and how turned, and which of these numbers count.

    Both of shape (pictures, 5): right, down, size, sine and cosine of the angle. Nothing counts
    where there are several things, and no angle where the thing looks the same at all angles.
    """
    poses, counts = zip(*(_pose(picture) for picture in pictures), strict=True)
    return torch.tensor(poses), torch.tensor(counts)


def pose_loss(told: torch.Tensor, targets: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Mean squared error over the numbers that count; arguments of shape (pictures, 5)."""
    errors = functional.mse_loss(told, targets, reduction="none") * counts
    return errors.sum() / counts.sum().clamp_min(1)


def _pose(picture: Picture) -> tuple[list[float], list[float]]:
    if len(picture.placements) != 1:
        return [0.0] * POSE_DIM, [0.0] * POSE_DIM
    (placement,) = picture.placements
    angle = math.radians(placement.angle_deg)
    turned = float(things_by_name()[placement.thing].shows_angle)
    pose = [
        (placement.x - _CENTRE) / _REACH,
        (placement.y - _CENTRE) / _REACH,
        (math.log(placement.size) - _LOG_SIZE) / _LOG_REACH,
        math.sin(angle),
        math.cos(angle),
    ]
    return pose, [1.0, 1.0, 1.0, turned, turned]
