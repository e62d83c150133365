"""Changed pictures to train on: cropped, mirrored, coloured, each clip as a whole.

All frames of a clip are changed alike, or things would seem to jump and flicker.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import RandAugment
from torchvision.transforms.v2 import functional as F

from models.labels.prompts import readable_label

# The recipe that temporal segment networks began and most video models follow since.
_SCALES = (1.0, 0.875, 0.75, 0.66)
_FLIPPED = 0.5
_COLOURED, _GREY = 0.8, 0.2
_BRIGHTNESS, _CONTRAST, _SATURATION, _HUE = 0.4, 0.4, 0.2, 0.1
# Corners, middles of edges, centre, and between corners and centre; in quarters of the room.
_PLACES = tuple((x, y) for x in range(5) for y in range(5) if x % 2 == y % 2)
_SIDES = re.compile(
    r"\b(left|right|leftwards?|rightwards?|((counter|anti)-?)?clockwise)\b", re.IGNORECASE
)


def speak_of_sides(labels: Sequence[str]) -> bool:
    """Whether a mirrored clip would have another label: some name left or right (in English)."""
    return any(_SIDES.search(readable_label(label)) for label in labels)


@dataclass(frozen=True)
class Augmentation:
    """Crops of several sizes and shapes, colours and greys, and mirror images if ``flip``.

    size: (height, width) of the pictures that come out
    changes: how many changes of RandAugment (Cubuk et al., arXiv 1909.13719) come before all that;
        magnitude: how strong they are, up to 30
    """

    size: tuple[int, int]
    flip: bool
    changes: int = 0
    magnitude: int = 9

    def __call__(self, clip: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
        """The frames of one clip, all changed in the same way.

        shape: uint8 (frames, 3, height, width) → uint8 (frames, 3, *size)
        """
        if self.changes:
            clip = self._changed(clip, random)
        frames = self._cropped(clip, random)
        if self.flip and random.random() < _FLIPPED:
            frames = F.horizontal_flip(frames)
        if random.random() < _COLOURED:
            frames = _coloured(frames, random)
        if random.random() < _GREY:
            frames = F.rgb_to_grayscale(frames, num_output_channels=3)
        return frames

    def _changed(self, clip: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
        """The frames after RandAugment, which draws once for all of them."""
        change = RandAugment(self.changes, self.magnitude, interpolation=InterpolationMode.BILINEAR)
        with torch.random.fork_rng(devices=[]):  # it asks torch for its chance
            torch.manual_seed(int(random.integers(2**31)))
            changed: torch.Tensor = change(clip)
        return changed

    def _cropped(self, clip: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
        _, _, height, width = clip.shape
        tall = int(random.integers(len(_SCALES)))
        # Its sides differ by one step at most, so that nothing is squeezed much.
        wide = int(np.clip(tall + random.integers(-1, 2), 0, len(_SCALES) - 1))
        crop = [round(min(height, width) * _SCALES[step]) for step in (tall, wide)]
        x, y = _PLACES[random.integers(len(_PLACES))]
        top, left = (height - crop[0]) * y // 4, (width - crop[1]) * x // 4
        return F.resized_crop(
            clip,
            top,
            left,
            *crop,
            list(self.size),
            interpolation=InterpolationMode.BILINEAR,
            antialias=True,
        )


def _coloured(frames: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    changes = [
        (F.adjust_brightness, 1 + _BRIGHTNESS * random.uniform(-1, 1)),
        (F.adjust_contrast, 1 + _CONTRAST * random.uniform(-1, 1)),
        (F.adjust_saturation, 1 + _SATURATION * random.uniform(-1, 1)),
        (F.adjust_hue, _HUE * random.uniform(-1, 1)),
    ]
    for number in random.permutation(len(changes)):
        change, amount = changes[number]
        frames = change(frames, amount)
    return frames
