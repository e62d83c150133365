"""Sketches as PNG pictures of any size."""

import io

import numpy as np
from PIL import Image

from models.errors import KinodexError
from sketch.raster.narrow_band import render_strokes
from sketch.strokes import CANVAS, Sketch, Strokes

_LARGEST = 8192


def to_png(sketch: Sketch, *, size: int = CANVAS) -> bytes:
    """The sketch as a square grey PNG, drawn at its own size rather than enlarged.

    At 224 the grey values are those that were seen while drawing, to half a step of 255. Raises
    KinodexError for a size that cannot be drawn.
    """
    if not 1 <= size <= _LARGEST:
        raise KinodexError(f"a sketch can be 1 to {_LARGEST} pixels wide, not {size}.")
    stream = io.BytesIO()
    Image.fromarray(grey(sketch.strokes, size=size)).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def grey(strokes: Strokes, *, size: int) -> np.ndarray:
    """The strokes as uint8 (size, size), 255 is white."""
    return np.rint(255 * render_strokes(strokes, size=size)).astype(np.uint8)
