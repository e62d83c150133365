"""What a CLIP picture tower sees on its way: hidden maps, attention, and where a text is seen.

The tower is a frozen copy: gradients go to the pictures and to nothing else.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.backbone import Backbone
from models.errors import KinodexError
from models.vision_blocks import OtherTower, check_tower, finish


@dataclass(frozen=True)
class TowerFeatures:
    """maps: one a layer asked for, (batch, channels, height, width); embedding: (batch, dim)."""

    maps: tuple[torch.Tensor, ...]
    embedding: torch.Tensor | None


class PictureTower(ABC):
    """A picture tower, opened up.

    kind: "resnet" or "vit"
    size: the side of the pictures it embeds, in pixels
    stages: how many layers there are to ask for: of a ResNet the stem and its four stages, of a
        ViT its blocks
    middle_layers: the two that hold shape and meaning alike. The paper takes the second and third
        stage of a ResNet, spec and ablation the fourth and fifth of a ViT's twelve blocks
    """

    kind: str
    size: int
    stages: int
    middle_layers: tuple[int, int]

    def __init__(
        self, visual: nn.Module, mean: Sequence[float], deviation: Sequence[float]
    ) -> None:
        self.visual: Any = visual
        parameter = next(visual.parameters())
        self.device = parameter.device
        self._mean, self._deviation = (
            torch.tensor(v, device=self.device)[:, None, None] for v in (mean, deviation)
        )

    def __call__(
        self, pictures: torch.Tensor, *, layers: Sequence[int], embedding: bool
    ) -> TowerFeatures:
        """Features of pictures in 0..1, shape (batch, 3, size, size), no farther than needed.

        Without an embedding, a ResNet takes pictures of any size.
        """
        return self._features(self._normalised(pictures), tuple(layers), embedding=embedding)

    @abstractmethod
    def attention(self, pictures: torch.Tensor) -> torch.Tensor:
        """How much the embedding attends to each place, (batch, height, width)."""

    @abstractmethod
    def dense(self, pictures: torch.Tensor) -> torch.Tensor:
        """Each place as if it were the whole picture: unit vectors, (batch, dim, height, width).

        Zhou et al., "Extract Free Dense Labels from CLIP", 2022: the values of the last attention,
        not mixed.
        """

    @torch.no_grad()
    def relevance(self, pictures: torch.Tensor, text_embeddings: torch.Tensor) -> torch.Tensor:
        """Where the model sees what a text says, 0 to 1, (batch, height, width).

        text_embeddings: (dim,) or (batch, dim)
        """
        texts = functional.normalize(text_embeddings.to(self.device).float(), dim=-1)
        dense = self.dense(pictures)
        seen = torch.einsum("bdhw,bd->bhw", dense, texts.expand(len(pictures), -1))
        flat = seen.flatten(1)
        low, high = (torch.quantile(flat, q, dim=1)[:, None, None] for q in (0.05, 0.95))
        return ((seen - low) / (high - low).clamp(min=1e-6)).clamp(0, 1)

    @abstractmethod
    def _features(
        self, inputs: torch.Tensor, layers: tuple[int, ...], *, embedding: bool
    ) -> TowerFeatures: ...

    def _normalised(self, pictures: torch.Tensor) -> torch.Tensor:
        return (pictures - self._mean) / self._deviation


class ResNetTower(PictureTower):
    """CLIP's ModifiedResNet. Layer 0 is the stem, 1 to 4 are its stages."""

    kind = "resnet"
    stages = 5
    middle_layers = (2, 3)

    def __init__(self, visual: Any, mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__(visual, mean, deviation)
        self.size = int(visual.image_size)

    def _features(
        self, inputs: torch.Tensor, layers: tuple[int, ...], *, embedding: bool
    ) -> TowerFeatures:
        visual = self.visual
        steps = (visual.stem, visual.layer1, visual.layer2, visual.layer3, visual.layer4)
        last = 4 if embedding else max(layers)
        hidden, maps = inputs.contiguous(memory_format=torch.channels_last), {}
        for number, step in enumerate(steps[: last + 1]):
            hidden = step(hidden)
            if number in layers:
                maps[number] = hidden
        told = visual.attnpool(hidden) if embedding else None
        return TowerFeatures(tuple(maps[layer] for layer in layers), told)

    @torch.no_grad()
    def attention(self, pictures: torch.Tensor) -> torch.Tensor:
        """See `PictureTower`: of the attention pool's one query."""
        tokens, (height, width) = self._tokens(pictures)
        pool = self.visual.attnpool
        query, keys = pool.q_proj(tokens[:, :1]), pool.k_proj(tokens)
        batch, _, channels = keys.shape
        heads = pool.num_heads
        query, keys = (x.reshape(batch, -1, heads, channels // heads) for x in (query, keys))
        scores = torch.einsum("bqhc,bkhc->bhqk", query, keys) / (channels // heads) ** 0.5
        shares = scores.softmax(dim=-1).mean(dim=1)[:, 0, 1:]
        return shares.reshape(batch, height, width)

    @torch.no_grad()
    def dense(self, pictures: torch.Tensor) -> torch.Tensor:
        """See `PictureTower`."""
        tokens, (height, width) = self._tokens(pictures)
        pool = self.visual.attnpool
        values = functional.normalize(pool.c_proj(pool.v_proj(tokens[:, 1:])), dim=-1)
        return values.transpose(1, 2).reshape(len(values), -1, height, width)

    def _tokens(self, pictures: torch.Tensor) -> tuple[torch.Tensor, tuple[int, int]]:
        """The mean of the last map and its places, with their positions, (batch, 1 + places, c)."""
        [last] = self(pictures, layers=[4], embedding=False).maps
        places = last.flatten(2).transpose(1, 2)
        tokens = torch.cat([places.mean(dim=1, keepdim=True), places], dim=1)
        height, width = last.shape[-2:]
        return tokens + self.visual.attnpool.positional_embedding, (height, width)


class TransformerTower(PictureTower):
    """CLIP's vision transformer. A layer's map is its patches' tokens."""

    kind = "vit"

    def __init__(self, visual: Any, mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__(visual, mean, deviation)
        self.size = int(visual.image_size[0])
        self.stages = len(visual.transformer.resblocks)
        later = min(self.stages - 1, max(1, round(self.stages / 3)))
        self.middle_layers = (max(0, later - 1), later)
        self._grid = tuple(visual.grid_size)

    def _features(
        self, inputs: torch.Tensor, layers: tuple[int, ...], *, embedding: bool
    ) -> TowerFeatures:
        blocks = self.visual.transformer.resblocks
        last = len(blocks) - 1 if embedding else max(layers)
        hidden, maps = self.visual._embeds(inputs), {}
        for number, block in enumerate(blocks[: last + 1]):
            hidden = block(hidden)
            if number in layers:
                maps[number] = self._as_map(hidden)
        told = finish(self.visual, hidden) if embedding else None
        return TowerFeatures(tuple(maps[layer] for layer in layers), told)

    @torch.no_grad()
    def attention(self, pictures: torch.Tensor) -> torch.Tensor:
        """See `PictureTower`: of the class token, the mean over heads and blocks."""
        hidden = self.visual._embeds(self._normalised(pictures))
        shares = torch.zeros(len(pictures), hidden.shape[1], device=hidden.device)
        for block in self.visual.transformer.resblocks:
            shares += self._class_attention(block, block.ln_1(hidden))
            hidden = block(hidden)
        return shares[:, 1:].reshape(len(pictures), *self._grid) / self.stages

    @torch.no_grad()
    def dense(self, pictures: torch.Tensor) -> torch.Tensor:
        """See `PictureTower`."""
        *before, last = self.visual.transformer.resblocks
        hidden = self.visual._embeds(self._normalised(pictures))
        for block in before:
            hidden = block(hidden)
        normal, attention = last.ln_1(hidden), last.attn
        _, _, weight = attention.in_proj_weight.chunk(3)
        _, _, bias = attention.in_proj_bias.chunk(3)
        values = attention.out_proj(functional.linear(normal, weight, bias))
        told = self.visual.ln_post(values[:, 1:])
        if self.visual.proj is not None:
            told = told @ self.visual.proj
        told = functional.normalize(told, dim=-1)
        return told.transpose(1, 2).reshape(len(pictures), -1, *self._grid)

    def _class_attention(self, block: Any, normal: torch.Tensor) -> torch.Tensor:
        """(batch, tokens), summing to 1."""
        attention = block.attn
        batch, _, width = normal.shape
        heads = attention.num_heads
        query_weight, key_weight, _ = attention.in_proj_weight.chunk(3)
        query_bias, key_bias, _ = attention.in_proj_bias.chunk(3)
        query = functional.linear(normal[:, :1], query_weight, query_bias)
        keys = functional.linear(normal, key_weight, key_bias)
        query, keys = (x.reshape(batch, -1, heads, width // heads) for x in (query, keys))
        scores = torch.einsum("bqhc,bkhc->bhqk", query, keys) / (width // heads) ** 0.5
        mean: torch.Tensor = scores.softmax(dim=-1).mean(dim=1)[:, 0]
        return mean

    def _as_map(self, hidden: torch.Tensor) -> torch.Tensor:
        patches = hidden[:, -self._grid[0] * self._grid[1] :]
        return patches.transpose(1, 2).reshape(len(hidden), -1, *self._grid)


def picture_tower(backbone: Backbone, *, fold: bool = True) -> PictureTower:
    """A frozen copy of the backbone's picture tower; `fold` takes its batch norms into the weights.

    Raises OtherTower when it is neither CLIP's ResNet nor its vision transformer.
    """
    from open_clip.modified_resnet import ModifiedResNet

    visual = copy.deepcopy(backbone.model.visual).eval().requires_grad_(False)
    mean, deviation = backbone.preprocessing.mean, backbone.preprocessing.std
    if isinstance(visual, ModifiedResNet):
        if fold:
            _fold_batch_norms(visual)
        return ResNetTower(visual.to(memory_format=torch.channels_last), mean, deviation)
    try:
        check_tower(visual, "drawing sketches")
    except OtherTower as error:
        raise KinodexError(
            "sketches need a model whose picture tower is CLIP's ViT or ResNet, such as ViT-B-32 "
            f"or RN101; that of {backbone.choice} is {type(visual).__name__}: choose another model"
        ) from error
    return TransformerTower(visual, mean, deviation)


def _fold_batch_norms(module: nn.Module) -> None:
    """Every convolution takes over what the batch norm behind it does, exactly."""
    children = dict(module.named_children())
    pairs = [(f"conv{i}", f"bn{i}") for i in (1, 2, 3)] + [("0", "1")]
    for first, second in pairs:
        convolution, norm = children.get(first), children.get(second)
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            folded = fuse_conv_bn_eval(convolution, norm).requires_grad_(False)
            setattr(module, first, folded)
            setattr(module, second, nn.Identity())
    for child in module.children():
        _fold_batch_norms(child)
