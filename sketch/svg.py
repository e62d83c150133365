"""Sketches as SVG, still or drawing themselves."""

import re
from collections.abc import Sequence

from sketch.drawing_times import drawing_times
from sketch.strokes import Sketch, Strokes
from sketch.svg_parts import INK, document, number, stroke_attributes

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


def to_svg(sketch: Sketch, *, title: str, playing: bool = False) -> str:
    """The sketch on white paper as an SVG document; `from_svg` reads its strokes again.

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
        for begin_s, length_s in drawing_times(strokes).tolist()
    ]
