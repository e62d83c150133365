"""Leaving parts of a picture tower out by chance while it trains: ActionCLIP's two dropouts."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from models.towers.blocks import check_tower


def use_dropping(visual: Any, *, depth: float, embedding: float) -> None:
    """Lets a ViT leave out branches of its blocks, and numbers of what goes into the first.

    depth: how likely the last block's branches are left out, for each picture by itself; the first
        block's never are, and those between on a straight line (stochastic depth, Huang et al.,
        arXiv 1603.09382, section 3). What is kept is enlarged, so that its mean stays
    embedding: how likely a number of the patches' embeddings is zero

    In evaluation nothing is left out. The tower's weights keep their names.

    Raises OtherTower for a tower that is no CLIP ViT.
    """
    if not depth and not embedding:
        return
    check_tower(visual, "Dropping")
    blocks = visual.transformer.resblocks
    falling = torch.linspace(depth, 0, len(blocks)).tolist()
    for block, rate in zip(reversed(blocks), falling, strict=True):
        for branch in (block.ls_1, block.ls_2):
            branch.register_forward_hook(_BranchLeftOut(rate))
    visual.ln_pre.register_forward_pre_hook(_NumbersLeftOut(embedding))


@dataclass(frozen=True)
class _BranchLeftOut:
    rate: float

    def __call__(self, branch: nn.Module, _: Any, output: torch.Tensor) -> torch.Tensor:
        if not branch.training or not self.rate:
            return output
        shape = (len(output),) + (1,) * (output.ndim - 1)
        kept = output.new_empty(shape).bernoulli_(1 - self.rate)
        return output * kept / (1 - self.rate)


@dataclass(frozen=True)
class _NumbersLeftOut:
    rate: float

    def __call__(self, norm: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        return (functional.dropout(inputs[0], self.rate, training=norm.training),)
