"""CLIP's vision transformer block by block: hidden maps, embedding, and where it looks."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from models.towers.blocks import finish, fitted_positions, stretched

# The paper's blocks of ViT-B/32, which has twelve; they mix outline and meaning.
_MIDDLE = (3, 4)
_MIDDLE_OF = 12


class ViTTower(nn.Module):
    """open_clip's VisionTransformer. Stage n is what block n gives, without the class token."""

    kind = "vit"
    largest_side = None

    def __init__(self, visual: Any) -> None:
        """Takes the network over; `models.towers.blocks.check_tower` says which ones fit."""
        super().__init__()
        self.visual = visual

    @property
    def stages(self) -> int:
        """How many blocks there are."""
        return len(self.visual.transformer.resblocks)

    @property
    def patch_side(self) -> int:
        """The side of a patch in pixels; a picture's side must be a multiple."""
        return int(self.visual.patch_size[0])

    @property
    def smallest_side(self) -> int:
        """One patch."""
        return self.patch_side

    @property
    def middle_layers(self) -> tuple[int, ...]:
        """Two blocks at about a third of the depth."""
        last = self.stages - 1
        scaled = [min(round(block * self.stages / _MIDDLE_OF), last) for block in _MIDDLE]
        return tuple(sorted(set(scaled)))

    def forward(
        self, inputs: torch.Tensor, layers: Sequence[int], embedding: bool
    ) -> tuple[list[torch.Tensor], torch.Tensor | None]:
        """The maps of `layers`, and the embedding if wanted; no block beyond them is run."""
        hidden, grid = self._tokens(inputs)
        count = self.stages if embedding else max(layers, default=-1) + 1
        maps = {}
        for stage, block in enumerate(self.visual.transformer.resblocks[:count]):
            hidden = block(hidden)
            if stage in layers:
                maps[stage] = hidden[:, 1:].transpose(1, 2).unflatten(2, grid)
        embeddings = finish(self.visual, hidden) if embedding else None
        return [maps[layer] for layer in layers], embeddings

    def attention(self, inputs: torch.Tensor) -> torch.Tensor:
        """How much the class token takes from each patch: (batch, h, w).

        The mean over heads and blocks. The blocks do not give their attention away, so it is
        computed again from what they read.
        """
        hidden, grid = self._tokens(inputs)
        total = torch.zeros_like(hidden[:, 1:, 0])
        for block in self.visual.transformer.resblocks:
            total = total + _class_attention(block.attn, block.ln_1(hidden))
            hidden = block(hidden)
        return (total / self.stages).unflatten(1, grid)

    def relevance(self, inputs: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
        """Where the tower sees what `texts` (batch, dim) say: (batch, h, w), none negative.

        The cosine with each patch's value in the last block, as if that block attended to the
        patch alone: Zhou et al., "Extract Free Dense Labels from CLIP", 2022.
        """
        hidden, grid = self._tokens(inputs)
        *earlier, last = self.visual.transformer.resblocks
        for block in earlier:
            hidden = block(hidden)
        _, _, values = _projected(last.attn, last.ln_1(hidden))
        patches = self.visual.ln_post(last.attn.out_proj(values))[:, 1:]
        meant = patches if self.visual.proj is None else patches @ self.visual.proj
        cosines = functional.cosine_similarity(meant, texts[:, None], dim=-1)
        return stretched(cosines.unflatten(1, grid))

    def _tokens(self, inputs: torch.Tensor) -> tuple[torch.Tensor, tuple[int, int]]:
        """The blocks' input, the class token first; the (rows, columns) of the patches."""
        visual = self.visual
        side = self.patch_side
        _, _, height, width = inputs.shape
        grid = (height // side, width // side)
        # Matrix products do it: a convolution with such strides has a slow backward pass on CPUs.
        pixels = inputs.reshape(len(inputs), 3, grid[0], side, grid[1], side)
        pixels = pixels.permute(0, 2, 4, 1, 3, 5).reshape(len(inputs), grid[0] * grid[1], -1)
        kernel = getattr(visual.conv1, "picture_kernel", visual.conv1.weight)
        tokens = functional.linear(pixels, kernel.flatten(1))
        first = visual.class_embedding.expand(len(tokens), 1, -1)
        positions = fitted_positions(visual.positional_embedding, grid)
        return visual.ln_pre(torch.cat([first, tokens], 1) + positions), grid


def _projected(attention: nn.MultiheadAttention, tokens: torch.Tensor) -> Sequence[torch.Tensor]:
    projected = functional.linear(tokens, attention.in_proj_weight, attention.in_proj_bias)
    return projected.chunk(3, -1)


def _class_attention(attention: nn.MultiheadAttention, tokens: torch.Tensor) -> torch.Tensor:
    queries, keys, _ = (
        part.unflatten(2, (attention.num_heads, -1)).transpose(1, 2)
        for part in _projected(attention, tokens)
    )
    logits = queries[:, :, :1] @ keys.transpose(2, 3) / queries.shape[-1] ** 0.5
    return functional.softmax(logits, -1)[:, :, 0, 1:].mean(1)
