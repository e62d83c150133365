"""Strokes that move from keyframe to keyframe, as an SVG that any browser plays, in `<img>` too."""

from collections.abc import Sequence

import numpy as np

from sketch.formats.svg import INK, document, number, path_data, stroke_attributes
from sketch.strokes import Strokes

Times = Sequence[float] | np.ndarray


def morphing_svg(frames: Sequence[Strokes], times_s: Times, *, title: str) -> str:
    """An SVG in which each stroke moves, widens and fades from one frame to the next (SMIL).

    A stroke is known by its place: stroke 3 of one frame becomes stroke 3 of the next. One that
    is not there yet, or no more, has opacity 0. Strokes move evenly; after the last frame they go
    back to the first one, for ever. What cannot play SMIL shows the first frame.

    Raises ValueError when the frames differ in their number of strokes, or the times do not rise.
    """
    check_moments(frames, times_s)
    there_s = [float(time_s - times_s[0]) for time_s in times_s]
    timing = _timing(there_s + [2 * there_s[-1] - moment_s for moment_s in there_s[-2::-1]])
    course = [*frames, *frames[-2::-1]]
    paths = [_moving_path(course, stroke, timing) for stroke in range(len(frames[0]))]
    return document([f"<g {INK}>", *paths, "</g>"], title=title)


def _timing(moments_s: Sequence[float]) -> str:
    """What all animations have in common."""
    duration_s = moments_s[-1]
    shares = ";".join(number(moment_s / (duration_s or 1)) for moment_s in moments_s)
    return (
        f'keyTimes="{shares}" calcMode="linear" dur="{number(duration_s)}s"'
        ' repeatCount="indefinite"'
    )


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


def check_moments(frames: Sequence[Strokes], times_s: Times) -> None:
    """Raises ValueError unless there is a time for each frame, rising, and one set of strokes."""
    if not frames or len(frames) != len(times_s):
        raise ValueError(f"{len(frames)} sketches cannot be shown at {len(times_s)} times")
    if len({len(strokes) for strokes in frames}) > 1:
        raise ValueError("the strokes must be the same in all sketches: let one fade by opacity 0")
    if not (np.isfinite(times_s).all() and (np.diff(times_s) > 0).all()):
        raise ValueError("the times of the sketches must rise")
