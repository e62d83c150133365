"""How far sketches are from their pictures in the eyes of CLIP, with gradients to the sketches.

The loss of CLIPasso (Vinker et al., 2022, section 3.2) with two additions for pictures that have a
background: places count by how far they belong to the subject, and ink off the subject costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from models.towers.hidden_maps import PictureTower
from sketch.drawing.views import CLEAN, ViewBank
from sketch.strokes import LossFigures

# How many targets are shown to the tower at once: more gain nothing and cost memory.
_TARGETS_AT_ONCE = 16


@dataclass(frozen=True)
class LossSettings:
    """What counts how much.

    layers: the tower's stages whose maps are compared; None for its middle layers
    layer_weights: one a layer; None for 1 each
    semantic_weight: how much 1 − cosine of the embeddings counts beside the maps
    mask_floor: what a place that is all background counts in the maps, where the subject counts 1
    outside_weight: how much the mean ink off the subject counts
    """

    layers: tuple[int, ...] | None = None
    layer_weights: tuple[float, ...] | None = None
    semantic_weight: float = 0.1
    mask_floor: float = 0.15
    outside_weight: float = 0.5


@dataclass(frozen=True)
class Losses:
    """One number a sketch, (batch): `total` is the weighted sum, the others are unweighted.

    semantic: 1 − cosine of the embeddings, mean over views; zero where it was left out
    geometric: the layers' weighted mean squared differences, mean over views
    outside: mean ink off the subject
    """

    total: torch.Tensor
    semantic: torch.Tensor
    geometric: torch.Tensor
    outside: torch.Tensor

    def figures(self, row: int) -> LossFigures:
        """Those of one sketch as plain numbers."""
        return LossFigures(
            total=float(self.total[row]),
            semantic=float(self.semantic[row]),
            geometric=float(self.geometric[row]),
        )


@dataclass(frozen=True)
class _SeenTargets:
    """All targets in one view, as far as the tower was run."""

    maps: tuple[torch.Tensor, ...]
    place_weights: tuple[torch.Tensor, ...]  # (targets, h, w), those of a picture sum to 1
    embedding: torch.Tensor | None


class ClipLoss:
    """The loss of sketches towards a batch of targets.

    What the tower sees in the targets is kept for each view once asked for, as float32: with RN101
    at 224 pixels 2.4 MB a view and target, at 112 pixels a quarter.
    """

    def __init__(
        self,
        tower: PictureTower,
        targets: torch.Tensor,
        masks: torch.Tensor,
        bank: ViewBank,
        settings: LossSettings | None = None,
        *,
        geometric_size: int | None = None,
    ) -> None:
        """
        targets: (targets, 3, side, side), 0 to 1, as they shall be drawn: a background that
            should fade to white has faded already
        masks: (targets, side, side), 1 is subject; all ones give the paper's loss
        geometric_size: the side in pixels at which the tower sees what needs no embedding, as
            nearly as it can and never more than its own, which is the default
        """
        self.settings = settings or LossSettings()
        self.layers = self.settings.layers or tower.middle_layers
        self.layer_weights = self.settings.layer_weights or (1.0,) * len(self.layers)
        if len(self.layers) != len(self.layer_weights):
            raise ValueError(f"layers {self.layers} need as many weights, not {self.layer_weights}")
        self._tower = tower
        self._targets = targets.to(tower.device).float()
        self._masks = masks.to(tower.device).float()
        self._bank = bank
        self._geometric_size = min(tower.fitting_side(geometric_size or tower.size), tower.size)
        self._seen: dict[tuple[int, int, bool], _SeenTargets] = {}

    def __call__(
        self,
        images: torch.Tensor,
        views: Sequence[int] = (CLEAN,),
        *,
        embedding: bool = True,
        rows: torch.Tensor | None = None,
    ) -> Losses:
        """The losses of sketches, mean over `views`.

        images: (batch, side, side), 1 is white; any side, not only that of the targets
        embedding: whether the semantic part is computed
        rows: (batch), which target each sketch is of; by default they are in the same order
        """
        rows = self._rows(images, rows)
        size = self._tower.size if embedding else self._geometric_size
        wanted = [self._targets_in(view, size, embedding) for view in views]
        seen = self._bank.apply(images[:, None], views, size=size)
        found = self._tower(
            seen.expand(-1, -1, 3, -1, -1).flatten(0, 1), layers=self.layers, embedding=embedding
        )
        geometric = self._geometric(found.maps, wanted, rows)
        semantic = torch.zeros_like(geometric)
        if found.embedding is not None:
            semantic = _semantic(found.embedding, wanted, rows)
        outside = self._outside(images, rows)
        settings = self.settings
        weighted = settings.semantic_weight * semantic + settings.outside_weight * outside
        return Losses(geometric + weighted, semantic, geometric, outside)

    @torch.no_grad()
    def residual(self, images: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        """Where the clean view of sketches differs from their targets: (batch, side, side).

        The geometric loss place by place, of the images' own side; its mean is about the loss.
        """
        rows = self._rows(images, rows)
        target = self._targets_in(CLEAN, self._tower.size, False)
        seen = self._bank.apply(images[:, None], (CLEAN,), size=self._tower.size)[:, 0]
        found = self._tower(seen.expand(-1, 3, -1, -1), layers=self.layers, embedding=False)
        total = torch.zeros_like(images)
        for number, weight in enumerate(self.layer_weights):
            places = target.place_weights[number][rows]
            # The weights sum to 1; a residual's mean is to be the loss.
            weighed = _difference(found.maps[number], target, number, rows) * places
            spread = functional.interpolate(
                weighed[:, None] * places[0].numel(),
                images.shape[-2:],
                mode="bilinear",
                align_corners=False,
            )
            total += weight * spread[:, 0]
        return total

    def _geometric(
        self, maps: Sequence[torch.Tensor], wanted: Sequence[_SeenTargets], rows: torch.Tensor
    ) -> torch.Tensor:
        total = torch.zeros(len(rows), device=rows.device)
        for number, weight in enumerate(self.layer_weights):
            by_view = maps[number].unflatten(0, (len(rows), len(wanted)))
            for view, target in enumerate(wanted):
                difference = _difference(by_view[:, view], target, number, rows)
                mean = (difference * target.place_weights[number][rows]).sum((1, 2))
                total = total + weight * mean / len(wanted)
        return total

    def _outside(self, images: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        masks = self._bank.apply(self._masks[:, None], (CLEAN,), size=images.shape[-1])[rows, 0, 0]
        return ((1 - masks) * (1 - images)).mean((1, 2))

    def _rows(self, images: torch.Tensor, rows: torch.Tensor | None) -> torch.Tensor:
        if rows is not None:
            return rows.to(self._tower.device)
        if len(images) != len(self._targets):
            raise ValueError(f"{len(images)} sketches of {len(self._targets)} targets need rows")
        return torch.arange(len(images), device=self._tower.device)

    def _targets_in(self, view: int, size: int, embedding: bool) -> _SeenTargets:
        """What is known of the targets in a view; found out the first time."""
        for more in (embedding, True):
            if (view, size, more) in self._seen:
                return self._seen[view, size, more]
        # With embeddings it serves those who want none.
        self._seen.pop((view, size, False), None)
        self._seen[view, size, embedding] = self._see(view, size, embedding)
        return self._seen[view, size, embedding]

    @torch.no_grad()
    def _see(self, view: int, size: int, embedding: bool) -> _SeenTargets:
        # Beyond its edge a mask goes on as it ends: all ones remain all ones in every view.
        masks = self._bank.apply(self._masks[:, None], (view,), size=size, outside="edge")[:, 0]
        pictures = self._bank.apply(self._targets, (view,), size=size)[:, 0]
        parts = [
            self._tower(part, layers=self.layers, embedding=embedding)
            for part in pictures.split(_TARGETS_AT_ONCE)
        ]
        maps = tuple(torch.cat(layer) for layer in zip(*(p.maps for p in parts), strict=True))
        embeddings = [part.embedding for part in parts if part.embedding is not None]
        return _SeenTargets(
            maps,
            tuple(self._place_weights(masks, layer) for layer in maps),
            torch.cat(embeddings) if embedding else None,
        )

    def _place_weights(self, masks: torch.Tensor, layer: torch.Tensor) -> torch.Tensor:
        floor = self.settings.mask_floor
        shares = functional.adaptive_avg_pool2d(masks, (layer.shape[-2], layer.shape[-1]))[:, 0]
        weights = floor + (1 - floor) * shares
        return weights / weights.sum((1, 2), keepdim=True)


def _difference(
    found: torch.Tensor, target: _SeenTargets, number: int, rows: torch.Tensor
) -> torch.Tensor:
    """Mean over channels of the squared difference, at each place: (batch, h, w)."""
    return (found - target.maps[number][rows]).square().mean(1)


def _semantic(
    embeddings: torch.Tensor, wanted: Sequence[_SeenTargets], rows: torch.Tensor
) -> torch.Tensor:
    goals = torch.stack([t.embedding[rows] for t in wanted if t.embedding is not None], 1)
    cosines = functional.cosine_similarity(embeddings.unflatten(0, goals.shape[:2]), goals, dim=-1)
    return 1 - cosines.mean(1)
