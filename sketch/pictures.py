"""Pictures laid onto the canvas."""

import numpy as np
from PIL import Image

from sketch.strokes import CANVAS, Placed


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
