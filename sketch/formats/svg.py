"""Sketches as SVG, still or drawing themselves.

An SVG holds numbers that are formatted here and one escaped title: nothing of anybody else's file
passes through.
"""

import html
import math
import re
from collections.abc import Iterable, Sequence

import numpy as np
import torch

from sketch.raster.bezier import lengths
from sketch.strokes import CANVAS, Sketch, Strokes

_PLAYING_CLASS = "kinodex-stroke"
# Strokes are hidden until their turn, or round caps and dots, which no dash hides, would be seen.
# Nothing is hidden or dashed outside the animation: what cannot play it, or was asked for less
# motion, shows the finished sketch.
_PLAYING_STYLE = (
    "<style>"
    f"@media (prefers-reduced-motion:no-preference){{.{_PLAYING_CLASS}"
    "{animation:kinodex-draw 1s ease-in-out backwards}}"
    "@keyframes kinodex-draw{"
    "from{visibility:hidden;stroke-dasharray:1 2;stroke-dashoffset:1}"
    "to{visibility:visible;stroke-dasharray:1 2;stroke-dashoffset:0}}"
    "</style>"
)
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
# This is a quick but unhurried hand; dots too are seen to be made.
_PIXELS_PER_S = 400.0
_LEAST_S = 0.1
# Nobody watches a preview for longer.
_LONGEST_S = 6.0


def to_svg(sketch: Sketch, *, title: str, playing: bool = False) -> str:
    """The sketch on white paper as an SVG document.

    The strokes lie in one `<g>` for each group, and carry their place in the drawing order and
    their gain as `data-order` and `data-gain`. `title` may be any text: it is escaped.
    `playing` makes the strokes draw themselves, once, in their order; it is CSS, which runs in an
    `<img>` too.

    Raises ValueError when a number is not finite.
    """
    paths = _paths(sketch, playing=playing)
    groups = [
        f'<g id="{group}" {INK}>' + "".join(paths[i] for i in members) + "</g>"
        for group, members in _members(sketch.groups).items()
    ]
    style = _PLAYING_STYLE if playing else ""
    return document(groups, title=title, style=style)


def _members(groups: Sequence[str]) -> dict[str, list[int]]:
    """Which strokes belong to each group, the groups in the order of their first stroke."""
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        if not re.fullmatch("[a-z]+", group):
            raise ValueError(f"a group of strokes cannot be called {group!r}")
        members.setdefault(group, []).append(index)
    return members


def _paths(sketch: Sketch, *, playing: bool) -> list[str]:
    play = _playing_attributes(sketch.strokes) if playing else [""] * len(sketch.strokes)
    return [
        f"<path {stroke_attributes(sketch.strokes, index)}"
        f' data-order="{index}" data-gain="{number(float(sketch.gains[index]))}"{play[index]}/>'
        for index in range(len(sketch.strokes))
    ]


def _playing_attributes(strokes: Strokes) -> list[str]:
    return [
        f' pathLength="1" class="{_PLAYING_CLASS}"'
        f' style="animation-delay:{number(begin_s)}s;animation-duration:{number(length_s)}s"'
        for begin_s, length_s in _drawing_times(strokes).tolist()
    ]


def _drawing_times(strokes: Strokes) -> np.ndarray:
    """When each stroke begins and how long it takes, in seconds; float64 (strokes, 2).

    One stroke follows the other, each as long as its line is; the whole takes at most 6 s.
    """
    lengths_px = lengths(torch.from_numpy(strokes.points).double()).numpy()
    lengths_s = np.maximum(_LEAST_S, lengths_px / _PIXELS_PER_S)
    lengths_s *= min(1.0, _LONGEST_S / max(_LONGEST_S, float(lengths_s.sum())))
    return np.stack([lengths_s.cumsum() - lengths_s, lengths_s], axis=1)


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
