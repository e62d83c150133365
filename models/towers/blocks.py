"""CLIP's vision transformer block by block, for towers that see several frames at once.

Position embeddings and maps of one number for each place are fitted to other sizes here.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from models.errors import KinodexError


class OtherTower(KinodexError, ValueError):
    """A picture tower that is not built as CLIP's vision transformer."""


def check_tower(visual: Any, wanted: str) -> None:
    """Raises OtherTower unless `visual` is open_clip's ViT with its usual blocks.

    wanted: what is to be done with it, as a subject of the sentence
    """
    from open_clip.transformer import ResidualAttentionBlock, VisionTransformer

    if (
        not isinstance(visual, VisionTransformer)
        or not visual.transformer.batch_first
        or any(type(block) is not ResidualAttentionBlock for block in visual.transformer.resblocks)
    ):
        raise OtherTower(
            f"{wanted} needs a model whose picture tower is CLIP's ViT, such as ViT-B-32; "
            f"this one is {type(visual).__name__}: choose another model"
        )


def run_blocks(
    visual: Any,
    hidden: torch.Tensor,
    *,
    before: Callable[[int, torch.Tensor], tuple[torch.Tensor, torch.Tensor]] | None = None,
    key_bias: torch.Tensor | None = None,
) -> torch.Tensor:
    """All blocks of the tower in turn, with the tower's own saving of memory in training.

    hidden: (batch, tokens, width)
    before: from a block's number and its input, what the block goes on with and what its
        attention reads; left out, both are the input
    key_bias: (batch, tokens), added to the attention's logits for each key

    returns: the same shape as `hidden`
    """

    def step(number: int, block: Any, hidden: torch.Tensor) -> torch.Tensor:
        stream, attended = before(number, hidden) if before else (hidden, hidden)
        normal = block.ln_1(attended)
        bias = None if key_bias is None else key_bias.to(normal.dtype)
        mixed, _ = block.attn(normal, normal, normal, need_weights=False, key_padding_mask=bias)
        stream = stream + block.ls_1(mixed)
        stepped: torch.Tensor = stream + block.ls_2(block.mlp(block.ln_2(stream)))
        return stepped

    again = visual.transformer.grad_checkpointing and torch.is_grad_enabled()
    for number, block in enumerate(visual.transformer.resblocks):
        if again:
            hidden = checkpoint(step, number, block, hidden, use_reentrant=False)
        else:
            hidden = step(number, block, hidden)
    return hidden


def finish(visual: Any, hidden: torch.Tensor) -> torch.Tensor:
    """The embedding of each sequence of tokens: (batch, tokens, width) → (batch, dim)."""
    pooled: torch.Tensor = visual._pool(hidden)[0]
    return pooled if visual.proj is None else pooled @ visual.proj


def fitted_positions(positions: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """Position embeddings for another number of places.

    positions: (1 + side², width), one for the picture as a whole before those of a square grid
    grid: (rows, columns) of places wanted

    returns: (1 + rows * columns, width); the same tensor where the grid is the tower's own
    """
    side = round((len(positions) - 1) ** 0.5)
    if grid == (side, side):
        return positions
    whole, places = positions[:1], positions[1:]
    spread = places.T.reshape(1, -1, side, side)
    fitted = functional.interpolate(
        spread, grid, mode="bicubic", align_corners=False, antialias=True
    )
    return torch.cat([whole, fitted[0].flatten(1).T])


def stretched(maps: torch.Tensor) -> torch.Tensor:
    """Each map (batch, h, w) moved and scaled to 0..1; all zero where every place is alike."""
    least, greatest = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - least) / (greatest - least).clamp_min(1e-6)
