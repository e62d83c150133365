"""The small world's motions as actions: the labels that name them, and which hold of a clip."""

from collections.abc import Sequence

import torch

from smallworld.clips.motions import DIRECTED_MOTIONS, MOTIONS
from smallworld.clips.moving import Clip

# One label for each of MOTIONS, in that order.
LABELS = (
    "moving to the left",
    "moving to the right",
    "moving up",
    "moving down",
    "moving in a circle",
    "growing",
    "shrinking",
    "spinning",
    "bouncing",
    "shaking",
    "appearing",
    "vanishing",
    "chasing",
    "meeting",
    "separating",
    "falling down",
    "rolling",
    "jumping",
)


def holding(clips: Sequence[Clip]) -> torch.Tensor:
    """Which labels hold of which clip; bool (clips, labels), in the order of `LABELS`."""
    return torch.tensor([[motion in clip.actions for motion in MOTIONS] for clip in clips])


def arguable(clips: Sequence[Clip]) -> torch.Tensor:
    """Which labels are neither right nor wrong of which clip; bool (clips, labels).

    What falls goes down too, what rolls goes to one side, two that meet go to one side each.
    """
    seen = [frozenset().union(*clip.motions) for clip in clips]
    true = torch.tensor([[motion in motions for motion in MOTIONS] for motions in seen])
    return true & ~holding(clips)


def is_directed() -> torch.Tensor:
    """Which of `LABELS` tell the direction of time; bool (labels,)."""
    return torch.tensor([motion in DIRECTED_MOTIONS for motion in MOTIONS])
