"""Frames to model input, on the tensor batch: resize, crop, normalise."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F


@dataclass(frozen=True)
class Preprocessing:
    """What open_clip's evaluation transform does to a picture, for a whole batch at once.

    Equal to that transform within 2/255 before normalisation: Pillow and torch round
    the resized picture differently, by one grey level here and there.
    """

    size: tuple[int, int]  # (height, width) of the model's input
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    resize_mode: str  # "shortest" crops, "longest" pads, "squash" ignores the aspect ratio
    fill_color: int

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Preprocessing":
        """From open_clip's preprocessing dictionary."""
        size = config["size"]
        height, width = size if isinstance(size, tuple | list) else (size, size)
        return cls(
            size=(height, width),
            mean=tuple(config["mean"]),
            std=tuple(config["std"]),
            interpolation=config["interpolation"],
            resize_mode=config["resize_mode"],
            fill_color=config["fill_color"],
        )

    @property
    def short_side(self) -> int:
        """The smallest side, in pixels, that a decoded frame needs."""
        return max(self.size)

    def identity(self) -> dict[str, Any]:
        """Plain values that tell two preprocessings apart."""
        return asdict(self)

    def __call__(self, frames: torch.Tensor) -> torch.Tensor:
        """uint8 frames, shape (batch, height, width, 3) → float32 (batch, 3, *size)."""
        return self.normalise(self.fit(frames))

    def normalise(self, pictures: torch.Tensor) -> torch.Tensor:
        """uint8 pictures of the model's size → float32 input, same shape."""
        scaled = F.to_dtype(pictures, torch.float32, scale=True)
        return F.normalize(scaled, list(self.mean), list(self.std))

    def fit(self, frames: torch.Tensor) -> torch.Tensor:
        """uint8 frames, (batch, height, width, 3) → uint8 pictures, (batch, 3, *size)."""
        pictures = frames.permute(0, 3, 1, 2)
        _, _, height, width = pictures.shape
        if self.resize_mode == "squash":
            return self._resize(pictures, self.size)
        ratios = (height / self.size[0], width / self.size[1])
        if self.resize_mode == "longest":
            ratio = max(ratios)
            fitted = self._resize(pictures, (round(height / ratio), round(width / ratio)))
            return self._pad(fitted)
        if self.size[0] != self.size[1]:
            ratio = min(ratios)
            fitted = self._resize(pictures, (round(height / ratio), round(width / ratio)))
        elif min(height, width) == self.size[0]:
            fitted = pictures
        else:
            fitted = self._resize(pictures, (self.size[0],))
        return F.center_crop(fitted, list(self.size))

    def _resize(self, pictures: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
        mode = InterpolationMode(self.interpolation)
        return F.resize(pictures, list(size), interpolation=mode, antialias=True)

    def _pad(self, pictures: torch.Tensor) -> torch.Tensor:
        _, _, height, width = pictures.shape
        missing_y, missing_x = self.size[0] - height, self.size[1] - width
        left, top = missing_x // 2, missing_y // 2
        padding = [left, top, missing_x - left, missing_y - top]
        return F.pad(pictures, padding, fill=[float(self.fill_color)])
