"""Sketches made by hand, for what is made of sketches."""

import numpy as np

from sketch.strokes import BACKGROUND, SUBJECT, LossFigures, Sketch, Strokes

FIGURES = LossFigures(1.5, 0.5, 1.0)


def strokes_of(count: int, *, seed: int = 0) -> Strokes:
    """Wandering strokes that lie somewhere on the canvas and a little beyond it."""
    chance = np.random.default_rng(seed)
    starts = chance.uniform(20, 204, (count, 1, 2))
    points = starts + np.cumsum(chance.normal(0, 22, (count, 4, 2)), axis=1)
    return Strokes(
        points.astype(np.float32),
        chance.uniform(0.5, 4, count).astype(np.float32),
        chance.choice([1.0, 0.25], count).astype(np.float32),
    )


def sketch_of(strokes: Strokes) -> Sketch:
    """Every third stroke belongs to the background; all are worth the same."""
    count = len(strokes)
    groups = tuple(BACKGROUND if i % 3 == 2 else SUBJECT for i in range(count))
    return Sketch(strokes, groups, np.full(count, 1 / max(count, 1), np.float32), FIGURES)


def line(*, left: float = 20, right: float = 200, y: float = 112) -> np.ndarray:
    """One straight stroke, float32 (4, 2)."""
    across = np.linspace(left, right, 4)
    return np.stack([across, np.full(4, y)], axis=1).astype(np.float32)
