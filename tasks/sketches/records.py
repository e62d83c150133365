"""Sketches between the catalog, which keeps plain arrays, and the part that draws."""

from collections.abc import Sequence

import numpy as np

from search.catalog.sketches import StoredAnimation, StoredSketch
from sketch.strokes import LossFigures, Placed, Sketch, Strokes


def to_store(sketch: Sketch, *, frame_s: float | None = None) -> StoredSketch:
    """A sketch as the catalog keeps it.

    frame_s: when in its video the picture is seen that was drawn; None for the keyframe
    """
    strokes, loss, placed = sketch.strokes, sketch.loss, sketch.placed
    return StoredSketch(
        points=strokes.points,
        half_widths=strokes.half_widths,
        opacities=strokes.opacities,
        gains=sketch.gains,
        groups=sketch.groups,
        loss=(loss.total, loss.semantic, loss.geometric),
        placed=(placed.left, placed.top, placed.width, placed.height),
        frame_s=frame_s,
    )


def from_store(stored: StoredSketch) -> Sketch:
    """A sketch out of the catalog."""
    return Sketch(
        strokes=Strokes(stored.points, stored.half_widths, stored.opacities),
        groups=stored.groups,
        gains=stored.gains,
        loss=LossFigures(*stored.loss),
        placed=Placed(*stored.placed),
    )


def animation_to_store(frames: Sequence[Strokes], times_s: np.ndarray) -> StoredAnimation:
    """The same strokes at several times, as the catalog keeps them."""
    return StoredAnimation(
        times_s=np.asarray(times_s, np.float64),
        points=np.stack([frame.points for frame in frames]),
        half_widths=np.stack([frame.half_widths for frame in frames]),
        opacities=np.stack([frame.opacities for frame in frames]),
    )


def animation_from_store(stored: StoredAnimation) -> list[Strokes]:
    """The strokes at each of the animation's times."""
    columns = (stored.points, stored.half_widths, stored.opacities)
    return [Strokes(*frame) for frame in zip(*columns, strict=True)]
