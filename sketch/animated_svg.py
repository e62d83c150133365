"""Strokes that move from keyframe to keyframe, as an SVG that any browser plays, in `<img>` too."""

from collections.abc import Sequence
from typing import Literal

from sketch.in_between import Times, check_moments
from sketch.strokes import Strokes
from sketch.svg_parts import INK, document, number, path_data, stroke_attributes

# Slow at each keyframe, quick between them.
_EASED = "0.4 0 0.6 1"

Ending = Literal["there-and-back", "again", "once"]


def morphing_svg(
    frames: Sequence[Strokes],
    times_s: Times,
    *,
    title: str,
    ending: Ending = "there-and-back",
    eased: bool = False,
    background: bool = True,
) -> str:
    """An SVG in which each stroke moves, widens and fades from one frame to the next (SMIL).

    A stroke is known by its place: stroke 3 of one frame becomes stroke 3 of the next. One that
    is not there yet, or no more, has opacity 0. After the last frame the film runs back to the
    first one ("there-and-back") or starts anew ("again"), for ever, or stops there ("once").
    Between frames the strokes move evenly, or, `eased`, they linger at each frame. What cannot
    play SMIL shows the first frame.

    Raises ValueError when the frames differ in their number of strokes, or the times do not rise.
    """
    check_moments(frames, times_s)
    order = list(range(len(frames)))
    moments_s = [float(time_s - times_s[0]) for time_s in times_s]
    if ending == "there-and-back":
        order += order[-2::-1]
        moments_s += [2 * moments_s[-1] - moment_s for moment_s in moments_s[-2::-1]]
    timing = _timing(moments_s, ending=ending, eased=eased)
    paths = [_moving_path([frames[i] for i in order], stroke, timing) for stroke in _all(frames)]
    return document([f"<g {INK}>", *paths, "</g>"], title=title, background=background)


def _all(frames: Sequence[Strokes]) -> range:
    return range(len(frames[0]))


def _timing(moments_s: Sequence[float], *, ending: Ending, eased: bool) -> str:
    """What all animations have in common."""
    duration_s = moments_s[-1]
    shares = ";".join(number(moment_s / (duration_s or 1)) for moment_s in moments_s)
    pace = "linear"
    if eased:
        splines = ";".join([_EASED] * (len(moments_s) - 1))
        pace = f'spline" keySplines="{splines}'
    repeat = 'fill="freeze"' if ending == "once" else 'repeatCount="indefinite"'
    return f'keyTimes="{shares}" calcMode="{pace}" dur="{number(duration_s)}s" {repeat}'


def _moving_path(frames: Sequence[Strokes], stroke: int, timing: str) -> str:
    """One stroke with what changes of it; what stays the same is not animated."""
    courses = {
        "d": [path_data(strokes.points[stroke]) for strokes in frames],
        "stroke-width": [number(2 * float(strokes.half_widths[stroke])) for strokes in frames],
        "stroke-opacity": [number(float(strokes.opacities[stroke])) for strokes in frames],
    }
    animations = "".join(
        f'<animate attributeName="{name}" values="{";".join(values)}" {timing}/>'
        for name, values in courses.items()
        if len(set(values)) > 1
    )
    return f"<path {stroke_attributes(frames[0], stroke)}>{animations}</path>"
