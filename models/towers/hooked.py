"""Any other picture tower: hooks hear what its stages give, gradients tell where it looks.

timm's towers (PE-Core, SigLIP, MobileCLIP, ConvNeXt, EVA, ViTamin, Swin), the classifier of the
model `imagenet`, and those of open_clip's vision transformers that `models.towers.vit` leaves out.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from models.towers.blocks import OtherTower

# The sides of the maps that a sketch should keep, beside that of the picture. CLIP's ResNet has
# such maps in the two layers that CLIPasso compares.
_MIDDLE_REDUCTIONS = (8, 16)
# The same of towers whose maps all have one side: blocks 3 and 4 of 12.
_MIDDLE, _MIDDLE_OF = (3, 4), 12
# What places say for a text adds up to something of a cosine; less than this is rounding.
_LEAST = 1e-8
# A place whose channels are this small is as good as empty.
_LEAST_SQUARE = 1e-6


class _HeardEnoughError(Exception):
    """Ends a run of the network: what comes after the stages wanted would be for nothing."""


class HookedTower(nn.Module):
    """A picture tower of which no more is known than which of its parts give maps.

    Embeddings are what the network itself gives. Raises OtherTower for one without such maps.

    smallest_side, largest_side: where the network has position embeddings of its own both are the
        side that it was made for; where it is convolutional any side will do that leaves one place
    """

    kind = "hooked"

    def __init__(self, visual: Any, side: int) -> None:
        """Takes the network over, which must be in evaluation mode.

        side: of the square pictures that it was made for, in pixels
        """
        super().__init__()
        self.visual = visual.requires_grad_(False)
        self._trunk, self._parts = _parts_with_maps(visual)
        device = next(visual.parameters()).device
        with torch.no_grad():
            heard, _ = self._run(torch.zeros(1, 3, side, side, device=device), range(self.stages))
            sides = [self._as_map(heard[stage]).shape[-1] for stage in range(self.stages)]
        self._reductions = [side / one for one in sides]
        self.is_fixed = _has_positions(self._trunk)
        self.smallest_side = side if self.is_fixed else round(self._reductions[-1])
        self.largest_side = side if self.is_fixed else None
        self.patch_side = side if self.is_fixed else 1

    @property
    def stages(self) -> int:
        """How many parts give maps: a transformer's blocks, a convolutional network's stages."""
        return len(self._parts)

    @property
    def middle_layers(self) -> tuple[int, ...]:
        """Those an eighth and a sixteenth as large as the picture; of equal ones a third deep."""
        last = self.stages - 1
        if len(set(self._reductions)) == 1:
            wanted = [min(round(block * self.stages / _MIDDLE_OF), last) for block in _MIDDLE]
        else:
            wanted = [
                min(range(self.stages), key=lambda n: abs(self._reductions[n] / reduction - 1))
                for reduction in _MIDDLE_REDUCTIONS
            ]
        return tuple(sorted(set(wanted)))

    def forward(
        self, inputs: torch.Tensor, layers: Sequence[int], embedding: bool
    ) -> tuple[list[torch.Tensor], torch.Tensor | None]:
        """The maps of `layers`, and the embedding if wanted; no stage beyond them is run.

        The mean square of the channels is 1 at each place of a map: what they are in themselves
        differs from network to network by a factor of a hundred, beside which the embedding would
        count too much or nothing. Zhang et al., "The Unreasonable Effectiveness of Deep Features
        as a Perceptual Metric", 2018, compare maps in that way.
        """
        if not layers and not embedding:
            return [], None
        embeddings = None
        with self._listening(layers, then_stop=not embedding) as heard:
            embeddings = self._embedded(inputs)
        return [_levelled(self._as_map(heard[layer])) for layer in layers], embeddings

    def attention(self, inputs: torch.Tensor) -> torch.Tensor:
        """How much of the embedding comes from each place: (batch, h, w), each sum at most 1.

        What an attention pool takes from it, mean over heads; without one what the place adds to
        the embedding's length beyond the place that adds least. Zero where all are alike.
        """
        pool = getattr(self._trunk, "attn_pool", None)
        if _is_attention_pool(pool):
            return self._taken_by(pool, inputs)
        added = self._added(inputs, None)
        beyond = added - added.amin((1, 2), keepdim=True)
        return beyond / beyond.sum((1, 2), keepdim=True).clamp_min(1e-12)

    def relevance(self, inputs: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
        """Where the tower sees what `texts` (batch, dim) say: (batch, h, w), none negative.

        What each place adds to the cosine of picture and text; zero where it takes from it.
        """
        added = self._added(inputs, texts)
        return torch.where(added > _LEAST, added, 0.0)

    def _added(self, inputs: torch.Tensor, texts: torch.Tensor | None) -> torch.Tensor:
        """What a score would lose if a place were like the mean of all: (batch, h, w).

        The score is the cosine with `texts`, or the embedding's length without. To first order it
        loses the gradient × what the place has beyond the mean. Plain gradient × activation is
        zero wherever a layer norm follows, which makes nothing of scale.

        Taken at the last stage, or at the one before: after a transformer's last block the patches
        may count no more.
        """
        stages = range(max(self.stages - 2, 0), self.stages)
        with torch.enable_grad():
            heard, embeddings = self._run(inputs.detach().requires_grad_(), stages)
            score = (
                embeddings.norm(dim=-1)
                if texts is None
                else (functional.normalize(embeddings, dim=-1) * texts).sum(-1)
            )
            wanted = [heard[stage] for stage in stages]
            gradients = torch.autograd.grad(score.sum(), wanted, allow_unused=True)
        found = [
            _beyond_mean(self._as_map(hidden.detach()), self._as_map(gradient))
            for gradient, hidden in zip(gradients, wanted, strict=True)
            if gradient is not None
        ]
        telling = [one for one in found if one.any()]
        return (telling or found)[-1]

    def _taken_by(self, pool: Any, inputs: torch.Tensor) -> torch.Tensor:
        """The attention of timm's AttentionPoolLatent to each place, which it keeps to itself."""
        read: list[torch.Tensor] = []
        hook = pool.register_forward_pre_hook(lambda _, given: read.append(given[0]))
        try:
            heard, _ = self._run(inputs, [self.stages - 1])
        finally:
            hook.remove()
        _, _, height, width = self._as_map(heard[self.stages - 1]).shape
        weights = _pool_attention(pool, read[0]).mean(1)
        return weights[:, -height * width :].unflatten(1, (height, width))

    def _run(
        self, inputs: torch.Tensor, stages: Iterable[int]
    ) -> tuple[dict[int, torch.Tensor], torch.Tensor]:
        """What the stages give, as they give it, and the embeddings."""
        with self._listening(stages) as heard:
            return heard, self._embedded(inputs)

    @contextmanager
    def _listening(
        self, stages: Iterable[int], *, then_stop: bool = False
    ) -> Iterator[dict[int, torch.Tensor]]:
        """Fills what the stages give while the network runs.

        then_stop: the run ends at the last of them, and the `with` with it
        """
        heard: dict[int, torch.Tensor] = {}
        last = max(stages, default=-1)

        def hear(stage: int, _part: nn.Module, _given: Any, output: torch.Tensor) -> None:
            heard[stage] = output
            if then_stop and stage == last:
                raise _HeardEnoughError

        hooks = [self._parts[n].register_forward_hook(partial(hear, n)) for n in set(stages)]
        try:
            yield heard
        except _HeardEnoughError:
            pass
        finally:
            for hook in hooks:
                hook.remove()

    def _embedded(self, inputs: torch.Tensor) -> torch.Tensor:
        given = self.visual(inputs)
        # Those made for captions give their tokens too.
        embeddings: torch.Tensor = given[0] if isinstance(given, tuple) else given
        return embeddings

    def _as_map(self, hidden: Any) -> torch.Tensor:
        """What a stage gives as (batch, channels, height, width). Raises OtherTower."""
        if torch.is_tensor(hidden) and hidden.ndim == 4:
            is_last = getattr(self._trunk, "output_fmt", "NCHW") == "NHWC"
            return hidden.permute(0, 3, 1, 2) if is_last else hidden
        if torch.is_tensor(hidden) and hidden.ndim == 3:
            # open_clip's own have a class token before the patches and no word for it.
            places = hidden[:, getattr(self._trunk, "num_prefix_tokens", 1) :]
            side = round(places.shape[1] ** 0.5)
            if side * side == places.shape[1]:
                return places.transpose(1, 2).unflatten(2, (side, side))
        raise OtherTower("its stages give no maps of the picture")


def _levelled(maps: torch.Tensor) -> torch.Tensor:
    return maps * (maps.square().mean(1, keepdim=True) + _LEAST_SQUARE).rsqrt()


def _beyond_mean(maps: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """Both (batch, channels, h, w) → the product with what is beyond the mean, (batch, h, w)."""
    return (gradients * (maps - maps.mean((2, 3), keepdim=True))).sum(1)


def _parts_with_maps(visual: Any) -> tuple[nn.Module, list[nn.Module]]:
    """The network that knows its stages, and these from first to last. Raises OtherTower."""
    for module in visual.modules():
        told = getattr(module, "feature_info", None)
        if told:
            names = [one["module"] for one in told]
            return module, [module.get_submodule(name) for name in names]
    blocks = getattr(getattr(visual, "transformer", None), "resblocks", None)
    if not blocks:
        raise OtherTower("it does not say which of its parts give maps of the picture")
    return visual, list(blocks)


def _has_positions(trunk: Any) -> bool:
    """Whether the network takes pictures of one size only."""
    configuration = getattr(trunk, "default_cfg", None)
    return configuration is None or bool(configuration.get("fixed_input_size"))


def _is_attention_pool(pool: Any) -> bool:
    from timm.layers import AttentionPoolLatent

    return isinstance(pool, AttentionPoolLatent)


def _pool_attention(pool: Any, tokens: torch.Tensor) -> torch.Tensor:
    """How much timm's AttentionPoolLatent takes from each token: (batch, heads, tokens).

    Of several questions it asks, the mean, or the first where only that one's answer is read.
    """
    if pool.pos_embed is not None:
        tokens = tokens + pool.pos_embed

    def heads(projected: torch.Tensor) -> torch.Tensor:
        return projected.unflatten(-1, (pool.num_heads, -1)).transpose(1, 2)

    keys, _ = pool.kv(tokens).chunk(2, -1)
    queries = pool.q_norm(heads(pool.q(pool.latent)))
    weights = (queries @ pool.k_norm(heads(keys)).mT * pool.scale).softmax(-1)
    return weights[:, :, 0] if pool.pool == "token" else weights.mean(2)
