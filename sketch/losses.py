"""How far sketches are from their pictures in the eyes of CLIP.

Vinker et al., "CLIPasso: Semantically-Aware Object Sketching", 2022, section 3.2: squared
differences of two hidden maps ("geometric") and the cosine distance of the embeddings ("semantic"),
averaged over views. A soft mask of the subject weighs the first and punishes ink beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from models.hidden_maps import PictureTower
from sketch.strokes import LossFigures
from sketch.views import CLEAN, ViewBank


@dataclass(frozen=True)
class LossSettings:
    """What counts how much.

    layers: of the tower; None for its two in the middle
    mask_floor: what the background still counts in the geometric loss
    outside_weight: of ink beside the subject
    """

    layers: tuple[int, ...] | None = None
    layer_weights: tuple[float, ...] = (1.0, 1.0)
    semantic_weight: float = 0.1
    mask_floor: float = 0.15
    outside_weight: float = 0.5


@dataclass(frozen=True)
class Losses:
    """One number a sketch, each (batch,). Without embeddings the semantic loss is 0."""

    total: torch.Tensor
    semantic: torch.Tensor
    geometric: torch.Tensor

    def figures(self, row: int) -> LossFigures:
        """Those of one sketch as plain numbers."""
        return LossFigures(
            float(self.total[row]), float(self.semantic[row]), float(self.geometric[row])
        )


@dataclass(frozen=True)
class _Seen:
    """A view of all targets: their maps, embeddings, and the weight of each place of each map."""

    maps: tuple[torch.Tensor, ...]
    embedding: torch.Tensor | None
    weights: tuple[torch.Tensor, ...]


class ClipLoss:
    """The loss of sketches against fixed targets. What the model sees of these is found once."""

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
        targets: (targets, 3, side, side) in 0..1
        masks: (targets, side, side): 1 is subject
        geometric_size: the side at which a ResNet sees what needs no embedding; by default its own
        """
        self.settings = settings or LossSettings()
        self.layers = self.settings.layers or tower.middle_layers
        self._tower, self._bank = tower, bank
        self._targets, self._masks = targets.to(tower.device), masks.to(tower.device)
        small = geometric_size if geometric_size and tower.kind == "resnet" else None
        self._geometric_size = min(small or tower.size, tower.size)
        self._seen: dict[tuple[int, int, bool], _Seen] = {}

    def __call__(
        self,
        images: torch.Tensor,
        views: Sequence[int] = (CLEAN,),
        *,
        embedding: bool = True,
        rows: torch.Tensor | None = None,
    ) -> Losses:
        """images: (batch, side, side), 1 is white; rows: which target each belongs to."""
        if rows is None:
            rows = torch.arange(len(images), device=images.device)
        size = self._tower.size if embedding else self._geometric_size
        seen = self._bank.apply(images[:, None], views, size=size)
        pictures = seen.expand(-1, -1, 3, -1, -1).reshape(-1, 3, size, size)
        features = self._tower(pictures, layers=self.layers, embedding=embedding)
        wanted = [self._target(view, size, embedding=embedding) for view in views]
        geometric = images.new_zeros(len(images))
        for number, weight in enumerate(self.settings.layer_weights):
            told = features.maps[number].unflatten(0, (len(images), len(views)))
            for column, target in enumerate(wanted):
                error = (told[:, column] - target.maps[number][rows]).square().mean(dim=1)
                places = target.weights[number][rows]
                weighed = (error * places).sum(dim=(1, 2)) / places.sum(dim=(1, 2))
                geometric = geometric + weight * weighed / len(views)
        semantic = images.new_zeros(len(images))
        if features.embedding is not None:
            told = features.embedding.unflatten(0, (len(images), len(views)))
            aims = torch.stack([_embedding(target)[rows] for target in wanted], dim=1)
            semantic = (1 - functional.cosine_similarity(told, aims, dim=-1)).mean(dim=1)
        total = geometric + self.settings.semantic_weight * semantic + self._outside(images, rows)
        return Losses(total, semantic, geometric)

    @torch.no_grad()
    def residual(self, images: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        """Where sketches are wrong: the clean view's geometric loss, place by place.

        shape: (batch, size, size), the tower's size; each layer's map is widened to that.
        """
        if rows is None:
            rows = torch.arange(len(images), device=images.device)
        size = self._tower.size
        seen = self._bank.apply(images[:, None], (CLEAN,), size=size)[:, 0].expand(-1, 3, -1, -1)
        maps = self._tower(seen, layers=self.layers, embedding=False).maps
        target = self._target(CLEAN, size, embedding=True)
        total = images.new_zeros(len(images), size, size)
        for number, weight in enumerate(self.settings.layer_weights):
            error = (maps[number] - target.maps[number][rows]).square().mean(dim=1)
            weighed = (error * target.weights[number][rows])[:, None]
            wide = functional.interpolate(
                weighed, size=(size, size), mode="bilinear", align_corners=False
            )
            total += weight * wide[:, 0]
        return total

    def _outside(self, images: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        if self.settings.outside_weight == 0:
            return images.new_zeros(len(images))
        masks = functional.interpolate(
            self._masks[:, None], size=images.shape[-2:], mode="bilinear", align_corners=False
        )[:, 0]
        beside = (1 - masks[rows]) * (1 - images)
        return self.settings.outside_weight * beside.mean(dim=(1, 2))

    def _target(self, view: int, size: int, *, embedding: bool) -> _Seen:
        key = (view, size, embedding)
        if key not in self._seen:
            self._seen[key] = self._look(view, size, embedding=embedding)
        return self._seen[key]

    @torch.no_grad()
    def _look(self, view: int, size: int, *, embedding: bool) -> _Seen:
        pictures = self._bank.apply(self._targets, (view,), size=size)[:, 0]
        # Beyond the picture nothing is known to be background: the mask says 1 there, as where
        # there is no mask at all.
        seen = ViewBank(self._bank.transforms, fill=0.0)
        masks = 1 - seen.apply(1 - self._masks[:, None], (view,), size=size)[:, 0]
        parts = [
            self._tower(part, layers=self.layers, embedding=embedding)
            for part in pictures.split(16)
        ]
        maps = tuple(
            torch.cat([part.maps[number] for part in parts]) for number in range(len(self.layers))
        )
        floor = self.settings.mask_floor
        weights = tuple(
            floor
            + (1 - floor)
            * functional.adaptive_avg_pool2d(masks.clamp(0, 1), (m.shape[-2], m.shape[-1]))[:, 0]
            for m in maps
        )
        told = torch.cat([_embedding(part) for part in parts]) if embedding else None
        return _Seen(maps, told, weights)


def _embedding(seen: object) -> torch.Tensor:
    told = getattr(seen, "embedding")  # noqa: B009
    assert told is not None  # noqa: S101
    return told
