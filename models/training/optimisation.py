"""What trains, at which rate: freezing by depth, parameter groups, the course of the rate."""

import math
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Literal

import torch
from torch import nn

Optimiser = Literal["adamw", "adam", "sgd"]

# A transformer block, or a bottleneck of a ResNet, in any of the towers that open_clip builds.
_BLOCK = re.compile(r"^(?:.*\.)?(?:resblocks|blocks|layers?|layer\d)\.\d+(?=\.)")
# What stands before the blocks, by the names that open_clip, timm and transformers give it.
_BEFORE_BLOCKS = re.compile(
    r"(?:^|\.)(?:token_embedding|positional_embedding|class_embedding|patch_embed\w*|ln_pre"
    r"|norm_pre|pos_embed|cls_token|cls_emb|reg_token|embeddings|stem|conv[123]|bn[123])(?:\.|$)"
)
_TABLE = re.compile(r"embed|position|cls_|class_|reg_token|logit_")
_MOMENTUM = 0.9
_NEVER_DECAYED = (nn.Embedding, nn.LayerNorm, nn.GroupNorm, nn.modules.batchnorm._BatchNorm)


def freeze_below(model: nn.Module, depth: int) -> None:
    """Freeze an open_clip model from its input up to block `depth` of both towers.

    -1 freezes nothing. 0 freezes what stands before the blocks: token, position and class
    embeddings, patch projection, the norm before the blocks. k > 0 freezes the first k blocks of
    each tower as well; a ResNet's bottlenecks are counted through. Final norms, projections and
    the logit scale always train (section 4.2 of arXiv 2104.08860).

    Raises ValueError for a depth below -1.
    """
    if depth < -1:
        raise ValueError(f"cannot freeze below block {depth}: -1 freezes nothing")
    model.requires_grad_(True)
    if depth == -1:
        return
    for tower in _towers(model):
        block_numbers: dict[str, int] = {}
        for name, parameter in tower:
            block = _BLOCK.match(name)
            if block:
                number = block_numbers.setdefault(block.group(), len(block_numbers))
                parameter.requires_grad_(number >= depth)
            elif _BEFORE_BLOCKS.search(name):
                parameter.requires_grad_(False)


def freeze_text_tower(model: nn.Module) -> None:
    """Freeze all of an open_clip model but its image tower."""
    for name, parameter in model.named_parameters():
        if not name.startswith("visual."):
            parameter.requires_grad_(False)


def freeze_image_tower(model: nn.Module) -> None:
    """Freeze all of an open_clip model's image tower."""
    model.get_submodule("visual").requires_grad_(False)


def _towers(model: nn.Module) -> Iterator[list[tuple[str, nn.Parameter]]]:
    """Named parameters of the image tower, then those of the text tower."""
    parameters = list(model.named_parameters())
    image = [(name, p) for name, p in parameters if name.startswith("visual.")]
    text = [(name, p) for name, p in parameters if not name.startswith("visual.")]
    yield [(name.removeprefix("visual."), p) for name, p in image]
    yield [(name.removeprefix("text."), p) for name, p in text]


def parameter_groups(
    module: nn.Module,
    *,
    learning_rate: float,
    weight_decay: float,
    besides: Iterable[nn.Parameter] = (),
) -> list[dict[str, Any]]:
    """A module's trainable parameters as optimiser groups: those decayed, and the others.

    Those of `besides` are left out.

    Norms, biases, embeddings, position tables and logit scales are not decayed.
    `peak_rate` in each group is the rate that the course of training scales.
    """
    left_out = set(map(id, besides))
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for owner in module.modules():
        for name, parameter in owner.named_parameters(recurse=False):
            if parameter.requires_grad and id(parameter) not in left_out:
                chosen = decayed if _is_decayed(owner, name, parameter) else plain
                chosen.append(parameter)
    groups = ((decayed, weight_decay), (plain, 0.0))
    return [
        {
            "params": parameters,
            "lr": learning_rate,
            "peak_rate": learning_rate,
            "weight_decay": decay,
        }
        for parameters, decay in groups
        if parameters
    ]


def _is_decayed(owner: nn.Module, name: str, parameter: nn.Parameter) -> bool:
    return parameter.ndim >= 2 and not isinstance(owner, _NEVER_DECAYED) and not _TABLE.search(name)


def make_optimiser(name: Optimiser, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """AdamW, whose decay is its own; Adam, where decay is part of the gradient; or SGD."""
    if name == "sgd":
        return torch.optim.SGD(groups, momentum=_MOMENTUM)
    make = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[name]
    return make(groups, betas=(0.9, 0.98), eps=1e-6, fused=True)


def rate_share(
    step: int, *, steps: int, warmup_share: float, drops: Collection[float] = ()
) -> float:
    """The share of the peak learning rate at an update counted from 0.

    A linear rise whose first update already counts and whose last one has the full rate; from
    there half a cosine, which would reach 0 at update `steps`, one past the last. It never rises
    again. With `drops`, shares of the run, the rate stays and falls to a tenth at each of them.
    """
    warmup_steps = round(steps * warmup_share)
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    if drops:
        return float(0.1 ** sum(step >= round(drop * steps) for drop in drops))
    peak = max(warmup_steps - 1, 0)
    done = min(1.0, (step - peak) / max(steps - peak, 1))
    return 0.5 * (1 + math.cos(math.pi * done))


def set_rates(optimiser: torch.optim.Optimizer, share: float) -> None:
    """Give every group its peak rate times `share`."""
    for group in optimiser.param_groups:
        group["lr"] = group["peak_rate"] * share


def trainable(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    """Those parameters that are not frozen."""
    return [parameter for parameter in parameters if parameter.requires_grad]
