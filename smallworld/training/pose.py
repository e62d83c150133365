"""Place, size and angle as numbers, and layers that read them off an embedding while training.

Captions alone teach place and size, but hardly the angle: which way up a thing is must be learnt
for each thing anew. Reading the angle by weights of the thing's own, and how far a thing was
turned between two pictures, brings the angle into the embedding within a few hundred steps,
where one reading for all things had not begun to after nine hundred.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from smallworld.stills.pictures import Picture
from smallworld.stills.things import Thing, things_by_name

POSE_DIM = 7
_SINE, _COSINE = 3, 4

# Brings each number to about -1..1.
_CENTRE, _REACH = 0.5, 0.25
_LOG_SIZE, _LOG_REACH = math.log(0.4), 0.6


def pose_targets(pictures: Sequence[Picture]) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the thing is, how large and how turned, and which of these numbers count.

    Both of shape (pictures, 7): right, down, size, sine and cosine of the angle; of two things,
    only how far they lie apart across and down. No angle counts where a thing looks the same at
    all angles, and nothing where there are three.
    """
    poses, counts = zip(*(_pose(picture) for picture in pictures), strict=True)
    return torch.tensor(poses), torch.tensor(counts)


def pose_loss(told: torch.Tensor, targets: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Mean squared error over the numbers that count; arguments of one shape."""
    errors = functional.mse_loss(told, targets, reduction="none") * counts
    return errors.sum() / counts.sum().clamp_min(1)


class PoseReader(nn.Module):
    """Reads poses off embeddings; its loss shapes them, and it is thrown away afterwards."""

    def __init__(self, dim: int, things: Sequence[Thing]) -> None:
        super().__init__()
        self._row = {thing.name: row for row, thing in enumerate(things)}
        self._scale = math.sqrt(dim)
        self.shared = nn.Linear(dim, POSE_DIM)
        self.own = nn.Embedding(len(things), 2 * dim)
        nn.init.normal_(self.own.weight, std=0.02)
        self.turn = nn.Sequential(nn.Linear(3 * dim, dim), nn.GELU(), nn.Linear(dim, 2))

    def forward(self, embeddings: torch.Tensor, pictures: Sequence[Picture]) -> torch.Tensor:
        """The loss of three readings of embeddings (pictures, dim): by weights that all things
        share, of the angle by the thing's own, and of the turn from each picture to the next."""
        targets, counts = pose_targets(pictures)
        # The direction only: that is all that a search sees.
        directions = functional.normalize(embeddings, dim=-1) * self._scale
        angles, angle_counts = targets[:, _SINE : _COSINE + 1], counts[:, _SINE : _COSINE + 1]
        return (
            pose_loss(self.shared(directions), targets, counts)
            + pose_loss(self._own_angles(directions, pictures), angles, angle_counts)
            + pose_loss(self._turns(directions), *_turn_targets(angles, angle_counts, pictures))
        )

    def _own_angles(self, directions: torch.Tensor, pictures: Sequence[Picture]) -> torch.Tensor:
        rows = torch.tensor([self._row[picture.placements[0].thing] for picture in pictures])
        weights = self.own(rows).unflatten(1, (2, -1))
        return torch.einsum("pd,pkd->pk", directions, weights)

    def _turns(self, directions: torch.Tensor) -> torch.Tensor:
        first, second = directions[:-1], directions[1:]
        return self.turn(torch.cat([first, second, first * second], dim=1))


def _turn_targets(
    angles: torch.Tensor, counts: torch.Tensor, pictures: Sequence[Picture]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sine and cosine of the turn to the next picture, where that shows the same thing."""
    first, second = torch.complex(angles[:-1, 1], angles[:-1, 0]), angles[1:]
    turn = torch.complex(second[:, 1], second[:, 0]) * first.conj()
    same = torch.tensor(
        [
            float(here.placements[0].thing == there.placements[0].thing)
            for here, there in pairwise(pictures)
        ]
    )
    return torch.stack([turn.imag, turn.real], dim=1), counts[:-1] * counts[1:] * same[:, None]


def _pose(picture: Picture) -> tuple[list[float], list[float]]:
    if len(picture.placements) == 2:
        one, other = picture.placements
        apart = [abs(one.x - other.x) / _REACH, abs(one.y - other.y) / _REACH]
        return [0.0] * 5 + apart, [0.0] * 5 + [1.0, 1.0]
    if len(picture.placements) > 2:
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
    return [*pose, 0.0, 0.0], [1.0, 1.0, 1.0, turned, turned, 0.0, 0.0]
