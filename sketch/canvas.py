"""What is drawn from: a picture on the canvas, and how far each pixel belongs to the subject."""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from sketch.strokes import CANVAS, WHOLE_CANVAS, Placed


@dataclass(frozen=True)
class Target:
    """A picture made ready for drawing.

    picture: float32 RGB (224, 224, 3), 0 to 1, padded with white, never squashed
    mask: float32 (224, 224), 0 to 1: 1 is subject. All ones where nothing is known
    placed: where the whole picture lies; beyond the canvas where only a part of it is drawn
    whole: then, the whole picture as a target, with the mask that the subject has there
    """

    picture: np.ndarray
    mask: np.ndarray
    placed: Placed = WHOLE_CANVAS
    whole: "Target | None" = None

    def __post_init__(self) -> None:
        if self.picture.shape != (CANVAS, CANVAS, 3) or self.mask.shape != (CANVAS, CANVAS):
            raise ValueError(
                f"a target is {CANVAS} × {CANVAS}, not {self.picture.shape} and {self.mask.shape}"
            )

    @classmethod
    def unmasked(cls, picture: np.ndarray, placed: Placed = WHOLE_CANVAS) -> "Target":
        """A picture all of which is the subject."""
        return cls(picture, np.ones((CANVAS, CANVAS), np.float32), placed)

    @property
    def softened(self) -> np.ndarray:
        """The picture with its background faded to white by the mask; same shape."""
        return self.mask[..., None] * self.picture + (1 - self.mask[..., None])


def placed_whole(height: int, width: int) -> Placed:
    """Where a picture of so many pixels lies in the middle of the canvas, as large as it fits."""
    scale = CANVAS / max(height, width)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    return Placed(
        float((CANVAS - wide) // 2), float((CANVAS - high) // 2), float(wide), float(high)
    )


def on_canvas(picture: np.ndarray, placed: Placed | None = None) -> tuple[np.ndarray, Placed]:
    """A picture on a white canvas, float32 (224, 224, 3), and where it lies.

    placed: where it is to lie; by default the whole picture in the middle, its aspect ratio kept
    """
    height, width = picture.shape[:2]
    placed = placed or placed_whole(height, width)
    left, top, right, bottom = visible_box(placed)
    across, down = width / placed.width, height / placed.height
    part = (
        max(0.0, (left - placed.left) * across),
        max(0.0, (top - placed.top) * down),
        min(float(width), (right - placed.left) * across),
        min(float(height), (bottom - placed.top) * down),
    )
    fitted = Image.fromarray(picture).resize(
        (right - left, bottom - top), Image.Resampling.BICUBIC, box=part
    )
    canvas = np.ones((CANVAS, CANVAS, 3), np.float32)
    canvas[top:bottom, left:right] = np.asarray(fitted, np.float32) / 255
    return canvas, placed


def visible_box(placed: Placed) -> tuple[int, int, int, int]:
    """The part of the canvas that a picture covers: left, top, right, bottom, at least a pixel."""
    left, top = (min(max(0, round(one)), CANVAS - 1) for one in (placed.left, placed.top))
    right, bottom = (
        min(max(1, round(one)), CANVAS)
        for one in (placed.left + placed.width, placed.top + placed.height)
    )
    return left, top, max(right, left + 1), max(bottom, top + 1)


def laid_on_canvas(values: np.ndarray, placed: Placed) -> np.ndarray:
    """A map of the picture (height, width), 0 to 1, on the canvas, float32; 0 in the padding."""
    height, width = values.shape
    across, down = placed.width / width, placed.height / height
    motion = np.array(
        [[across, 0, placed.left + (across - 1) / 2], [0, down, placed.top + (down - 1) / 2]]
    )
    size = (CANVAS, CANVAS)
    laid = cv2.warpAffine(values.astype(np.float32), motion, size, borderMode=cv2.BORDER_REPLICATE)
    left, top, right, bottom = visible_box(placed)
    inside = np.zeros((CANVAS, CANVAS), np.float32)
    inside[top:bottom, left:right] = np.clip(laid[top:bottom, left:right], 0, 1)
    return inside
