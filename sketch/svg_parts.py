"""What every SVG of a sketch is made of: numbers that we format, and one escaped title.

Nothing of anybody else's file passes through.
"""

import html
import math
import re
from collections.abc import Iterable

import numpy as np

from sketch.strokes import CANVAS, Strokes

# The whole square canvas is shown, padding included: sketches of one library then have one shape,
# and coordinates in the file are those of `Strokes`.
_OPENING = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {CANVAS} {CANVAS}"'
    f' width="{CANVAS}" height="{CANVAS}" role="img">'
)
_WHITE = f'<rect width="{CANVAS}" height="{CANVAS}" fill="#fff"/>'
INK = 'fill="none" stroke="#000" stroke-linecap="round" stroke-linejoin="round"'

# What XML 1.0 cannot hold at all, and the control characters that it can.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def document(parts: Iterable[str], *, title: str, style: str = "") -> str:
    """An SVG of finished elements on white paper; `title` is the only text of others in it."""
    head = f"{_OPENING}<title>{html.escape(one_line(title))}</title>{style}"
    return "\n".join([head, _WHITE, *parts, "</svg>\n"])


def one_line(text: str) -> str:
    """Text without line breaks; a replacement character stands for whatever cannot be shown."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))


def number(value: float) -> str:
    """A coordinate to a thousandth of a pixel. Raises ValueError when it is not finite."""
    if not math.isfinite(value):
        raise ValueError(f"a sketch cannot be written with {value} in it")
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def path_data(points: np.ndarray) -> str:
    """One curve, (4, 2), as `M x y C x y x y x y`."""
    pairs = [f"{number(x)} {number(y)}" for x, y in points.tolist()]
    return f"M {pairs[0]} C {' '.join(pairs[1:])}"


def stroke_attributes(strokes: Strokes, index: int) -> str:
    """The shape, width and opacity of one stroke."""
    width = number(2 * float(strokes.half_widths[index]))
    opacity = number(float(strokes.opacities[index]))
    faded = "" if opacity == "1" else f' stroke-opacity="{opacity}"'
    return f'd="{path_data(strokes.points[index])}" stroke-width="{width}"{faded}'
