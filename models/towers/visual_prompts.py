"""Putting the visual prompt of a head on a picture tower, and taking it off again."""

from collections.abc import Mapping
from typing import Any

import torch

from models.heads.card import ActionCard
from models.towers.joint_tokens import use_joint_space_time
from models.towers.temporal_shift import use_temporal_shift

_TABLE, _SHIFT = "temporal_embedding", "temporal_shift"


def use_visual_prompt(
    visual: Any, action: ActionCard, state: Mapping[str, torch.Tensor] | None = None
) -> None:
    """Makes of a plain tower the one that the card names.

    visual: the picture tower of an open_clip model
    state: `LoadedHead.visual_state` of a trained head; left out, Joint begins with zeros

    Raises OtherTower for a tower that is no CLIP ViT.
    """
    if action.visual == "shift":
        use_temporal_shift(visual, fold=action.fold, placement=action.placement)
    elif action.visual == "joint":
        use_joint_space_time(visual, frames=action.frames)
        if state:
            with torch.no_grad():
                visual.temporal_embedding.copy_(state[_TABLE])


def visual_prompt_state(visual: Any) -> dict[str, torch.Tensor]:
    """What a tower has beside its own weights, by name.

    It belongs into the head's file (`save_head`), so that the backbone's stays one that any
    open_clip model loads.
    """
    table = getattr(visual, _TABLE, None)
    return {} if table is None else {_TABLE: table.detach()}


def remove_visual_prompt(visual: Any) -> None:
    """Makes the tower plain again."""
    for name in (_SHIFT, _TABLE):
        if hasattr(visual, name):
            delattr(visual, name)
