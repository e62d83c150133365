"""Strokes between two moments: what a film of them needs."""

from collections.abc import Sequence

import numpy as np

from sketch.strokes import Strokes

Times = Sequence[float] | np.ndarray


def check_moments(frames: Sequence[Strokes], times_s: Times) -> None:
    """Raises ValueError unless there is a time for each frame, rising, and one set of strokes."""
    if not frames or len(frames) != len(times_s):
        raise ValueError(f"{len(frames)} sketches cannot be shown at {len(times_s)} times")
    if len({len(strokes) for strokes in frames}) > 1:
        raise ValueError("the strokes must be the same in all sketches: let one fade by opacity 0")
    if not (np.isfinite(times_s).all() and (np.diff(times_s) > 0).all()):
        raise ValueError("the times of the sketches must rise")


def strokes_at(frames: Sequence[Strokes], times_s: Times, time_s: float) -> Strokes:
    """The strokes at any time, evenly on their way from one frame to the next.

    Before the first frame and after the last one they stand still. Where the number of strokes
    changes from one frame to the next, the earlier one stays until then.
    """
    after = int(np.searchsorted(times_s, time_s, side="right"))
    if after == 0:
        return frames[0]
    if after == len(frames) or len(frames[after]) != len(frames[after - 1]):
        return frames[after - 1]
    share = (time_s - times_s[after - 1]) / (times_s[after] - times_s[after - 1])
    return _blend(frames[after - 1], frames[after], np.float32(share))


def _blend(before: Strokes, after: Strokes, share: np.float32) -> Strokes:
    return Strokes(
        before.points + share * (after.points - before.points),
        before.half_widths + share * (after.half_widths - before.half_widths),
        before.opacities + share * (after.opacities - before.opacities),
    )
