"""What is drawn from: a picture on the canvas, and how far each pixel belongs to the subject."""

from dataclasses import dataclass

import numpy as np

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
