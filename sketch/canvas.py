"""What is drawn from: a picture on the canvas, and how far each pixel belongs to the subject."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from sketch.strokes import CANVAS, WHOLE_CANVAS, Placed


@dataclass(frozen=True)
class Target:
    """A picture made ready for drawing.

    picture: float32 RGB (224, 224, 3), 0 to 1, padded with white, never squashed
    mask: float32 (224, 224), 0 to 1: 1 is subject. All ones where nothing is known
    """

    picture: np.ndarray
    mask: np.ndarray
    placed: Placed = WHOLE_CANVAS

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


def on_canvas(picture: np.ndarray) -> tuple[np.ndarray, Placed]:
    """The whole picture in the middle of a white canvas, float32 (224, 224, 3), and where it lies.

    The aspect ratio is kept.
    """
    height, width = picture.shape[:2]
    scale = CANVAS / max(height, width)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    fitted = Image.fromarray(picture).resize((wide, high), Image.Resampling.BICUBIC)
    left, top = (CANVAS - wide) // 2, (CANVAS - high) // 2
    canvas = np.ones((CANVAS, CANVAS, 3), np.float32)
    canvas[top : top + high, left : left + wide] = np.asarray(fitted, np.float32) / 255
    return canvas, Placed(float(left), float(top), float(wide), float(high))
