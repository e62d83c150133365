"""Sketches as PNG pictures of any size."""

import io

import numpy as np
from PIL import Image

from models.errors import KinodexError
from sketch.raster import render_strokes
from sketch.strokes import CANVAS, Sketch, Strokes

_LARGEST = 8192


def to_png(sketch: Sketch, *, size: int = CANVAS, transparent: bool = False) -> bytes:
    """The sketch as a square grey PNG, drawn at its own size rather than enlarged.

    `transparent` leaves the paper out: black ink of varying opacity. At 224 the grey values are
    those that were seen while drawing, to half a step of 255. Raises KinodexError for a size
    that cannot be drawn.
    """
    if not 1 <= size <= _LARGEST:
        raise KinodexError(f"a sketch can be 1 to {_LARGEST} pixels wide, not {size}.")
    image = Image.fromarray(grey(sketch.strokes, size=size))
    stream = io.BytesIO()
    if transparent:
        # One byte a pixel: the palette is black throughout, and the opacity falls from 0 to 255.
        image.putpalette(bytes(3 * 256))
        image.save(stream, "PNG", optimize=True, transparency=bytes(range(255, -1, -1)))
    else:
        image.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def grey(strokes: Strokes, *, size: int) -> np.ndarray:
    """The strokes as uint8 (size, size), 255 is white."""
    return np.rint(255 * render_strokes(strokes, size=size)).astype(np.uint8)
