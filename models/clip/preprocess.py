"""Frames to pictures of a model's size, and to its input: resize, crop, normalise."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Preprocessing:
    """What open_clip's evaluation transform does to a picture, for frames of one size at once.

    Pillow resizes, as it does there: the pictures are the same to the last grey level.
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

    def normalise(self, pictures: "torch.Tensor") -> "torch.Tensor":
        """uint8 pictures of the model's size, (batch, 3, *size) → float32 input, same shape."""
        scaled = pictures.float() / 255
        mean, std = (scaled.new_tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (scaled - mean) / std

    def fit(self, frames: np.ndarray) -> np.ndarray:
        """uint8 frames, (batch, height, width, 3) → uint8 pictures, (batch, *size, 3)."""
        height, width = frames.shape[1:3]
        if self.resize_mode == "squash":
            return self._resized(frames, self.size)
        ratios = (height / self.size[0], width / self.size[1])
        if self.resize_mode == "longest":
            ratio = max(ratios)
            return self._padded(self._resized(frames, _divided(height, width, ratio)))
        if self.size[0] != self.size[1]:
            frames = self._resized(frames, _divided(height, width, min(ratios)))
        else:
            frames = self._resized(frames, _to_short_side(height, width, self.size[0]))
        return self._cropped(frames)

    def _resized(self, frames: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        if frames.shape[1:3] == size:
            return frames
        how = Image.Resampling[self.interpolation.upper()]
        pictures = (Image.fromarray(frame) for frame in frames)
        return np.stack([np.asarray(one.resize(size[::-1], how)) for one in pictures])

    def _cropped(self, frames: np.ndarray) -> np.ndarray:
        (height, width), (there_y, there_x) = self.size, frames.shape[1:3]
        top, left = round((there_y - height) / 2), round((there_x - width) / 2)
        return frames[:, top : top + height, left : left + width]

    def _padded(self, frames: np.ndarray) -> np.ndarray:
        missing = (self.size[0] - frames.shape[1], self.size[1] - frames.shape[2])
        ends = [(few // 2, few - few // 2) for few in missing]
        return np.pad(frames, [(0, 0), *ends, (0, 0)], constant_values=self.fill_color)


def _divided(height: int, width: int, ratio: float) -> tuple[int, int]:
    return round(height / ratio), round(width / ratio)


def _to_short_side(height: int, width: int, side: int) -> tuple[int, int]:
    """The size that torchvision's `Resize` gives a picture whose shorter side becomes `side`."""
    short, long = sorted((height, width))
    longer = int(side * long / short)
    return (side, longer) if height <= width else (longer, side)
