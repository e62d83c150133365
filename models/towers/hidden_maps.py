"""What a CLIP sees on the way: hidden maps of a picture, with gradients to the picture alone."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from models.clip.backbone import Backbone
from models.clip.preprocess import Preprocessing
from models.towers.blocks import OtherTower, check_tower
from models.towers.hooked import HookedTower
from models.towers.resnet import ResNetTower
from models.towers.vit import ViTTower


@dataclass(frozen=True)
class TowerFeatures:
    """What a tower makes of pictures.

    maps: one a layer asked for, in that order, (batch, channels, height, width)
    embedding: (batch, dim), not normalised; None where none was asked for
    """

    maps: tuple[torch.Tensor, ...]
    embedding: torch.Tensor | None


class PictureTower:
    """The picture side of a CLIP, frozen: a backward pass reaches the pictures, never a weight.

    size: the side in pixels of the pictures that the model was made for
    """

    def __init__(
        self,
        tower: ResNetTower | ViTTower | HookedTower,
        preprocessing: Preprocessing,
        device: torch.device,
    ) -> None:
        self.size, _ = preprocessing.size
        self.device = device
        self._tower = tower.to(device).eval().requires_grad_(False)
        self._mean = torch.tensor(preprocessing.mean, device=device)[:, None, None]
        self._std = torch.tensor(preprocessing.std, device=device)[:, None, None]

    @property
    def kind(self) -> str:
        """ "resnet", "vit" or "hooked"."""
        return self._tower.kind

    @property
    def stages(self) -> int:
        """How many hidden maps there are to choose from.

        A ResNet's are the stem and its four layers, a ViT's are its blocks, another tower's are
        what it calls its stages.
        """
        return self._tower.stages

    @property
    def middle_layers(self) -> tuple[int, ...]:
        """The stages that see both outline and meaning: what a sketch should keep."""
        return self._tower.middle_layers

    def fitting_side(self, wanted: int) -> int:
        """The side nearest to `wanted`, in pixels, that pictures may have.

        `size` always may; of some towers it is the only one.
        """
        step = self._tower.patch_side
        nearest = max(round(wanted / step) * step, self._tower.smallest_side)
        largest = self._tower.largest_side
        return nearest if largest is None else min(nearest, largest)

    def parameters(self) -> list[torch.nn.Parameter]:
        """All weights, none of which asks for a gradient."""
        return list(self._tower.parameters())

    def __call__(
        self, pictures: torch.Tensor, *, layers: Sequence[int], embedding: bool
    ) -> TowerFeatures:
        """Hidden maps and, if wanted, embeddings; runs no more of the tower than that takes.

        pictures: float (batch, 3, side, side), 0 to 1. Sides other than `size` are welcome where
            `fitting_side` leaves them as they are: the maps are as much smaller, and position
            embeddings are stretched.
        """
        unknown = [layer for layer in layers if not 0 <= layer < self.stages]
        if unknown:
            raise ValueError(f"stages are numbered 0 to {self.stages - 1}, not {unknown[0]}")
        maps, embeddings = self._tower(self.normalised(pictures), layers, embedding)
        return TowerFeatures(tuple(maps), embeddings)

    @torch.no_grad()
    def attention(self, pictures: torch.Tensor) -> torch.Tensor:
        """Where the tower looks, whatever there is to see: (batch, h, w), each sum at most 1.

        The class token's attention to each patch, mean over heads and blocks (ViT), that of the
        attention pool (ResNet, PE-Core, SigLIP), or else what each place adds to the embedding.
        """
        return self._tower.attention(self.normalised(pictures))

    @torch.no_grad()
    def relevance(self, pictures: torch.Tensor, text_embeddings: torch.Tensor) -> torch.Tensor:
        """Where in the picture the model sees what the text says: (batch, h, w), 0 to 1.

        The most relevant place of each picture has 1; all zero where no place is relevant.
        text_embeddings: (batch, dim), or (dim) for all pictures
        """
        texts = functional.normalize(text_embeddings.float().to(self.device), dim=-1)
        found = self._tower.relevance(self.normalised(pictures), texts.expand(len(pictures), -1))
        return found / found.amax((1, 2), keepdim=True).clamp_min(1e-12)

    def normalised(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures as the network itself takes them. Raises ValueError for another shape."""
        *_, side = pictures.shape
        if pictures.shape[1:] != (3, side, side) or self.fitting_side(side) != side:
            raise ValueError(
                f"pictures must be (batch, 3, side, side) with a side of {self.size}, "
                f"not {tuple(pictures.shape)}"
            )
        return (pictures.to(self.device) - self._mean) / self._std


def picture_tower(backbone: Backbone, *, fold: bool = True) -> PictureTower:
    """A frozen copy of a model's picture tower.

    fold: batch norms go into the convolutions; the features change by rounding only

    Raises OtherTower for a tower that keeps no maps of its pictures, or whose are not square.
    """
    visual = backbone.model.visual
    height, width = backbone.preprocessing.size
    if height != width:
        raise _cannot_draw(backbone)
    copied = copy.deepcopy(visual).eval()
    tower: ResNetTower | ViTTower | HookedTower
    if _is_resnet(visual):
        tower = ResNetTower(copied, fold=fold)
    elif _is_vit(visual):
        tower = ViTTower(copied)
    else:
        try:
            tower = HookedTower(copied, height)
        except OtherTower as error:
            raise _cannot_draw(backbone) from error
    return PictureTower(tower, backbone.preprocessing, backbone.device)


def _cannot_draw(backbone: Backbone) -> OtherTower:
    height, width = backbone.preprocessing.size
    return OtherTower(
        "a sketch needs a model whose picture tower keeps maps of square pictures, such as RN101 "
        f"or ViT-B-32; that of {backbone.choice} is {type(backbone.model.visual).__name__} with "
        f"{width} × {height}: choose another model"
    )


def _is_resnet(visual: Any) -> bool:
    from open_clip.modified_resnet import AttentionPool2d, ModifiedResNet

    return isinstance(visual, ModifiedResNet) and isinstance(visual.attnpool, AttentionPool2d)


def _is_vit(visual: Any) -> bool:
    try:
        check_tower(visual, "a sketch")
    except OtherTower:
        return False
    # A pool that attends, CoCa's, answers for the picture and not for a place.
    return visual.attn_pool is None
