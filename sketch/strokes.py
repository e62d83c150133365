"""What a sketch is: strokes on a square canvas, in the order in which a hand would draw them."""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

# All coordinates are pixels of a square of this side: x right, y down, the origin at the top left
# corner of the first pixel, pixel centres at one half.
CANVAS = 224
# The paper's strokes: "width 1.5" there is the radius, the line is three pixels wide.
HALF_WIDTH = 1.5

SUBJECT = "subject"
BACKGROUND = "background"


@dataclass(frozen=True)
class Strokes:
    """Open cubic Bézier curves with round caps, black on white.

    points: float32 (strokes, 4, 2), canvas pixels
    half_widths: float32 (strokes,), canvas pixels
    opacities: float32 (strokes,), 0 to 1
    """

    points: np.ndarray
    half_widths: np.ndarray
    opacities: np.ndarray

    def __post_init__(self) -> None:
        count = len(self.points)
        if self.points.shape != (count, 4, 2):
            raise ValueError(f"points must be (strokes, 4, 2), not {self.points.shape}")
        if self.half_widths.shape != (count,) or self.opacities.shape != (count,):
            raise ValueError(f"{count} strokes need as many half widths and opacities")

    @classmethod
    def plain(cls, points: np.ndarray, *, half_width: float = HALF_WIDTH) -> Self:
        """Opaque strokes of one width."""
        ones = np.ones(len(points), np.float32)
        return cls(np.asarray(points, np.float32), half_width * ones, ones)

    def __len__(self) -> int:
        return len(self.points)

    def moved(self, placed: "Placed", to: "Placed") -> "Strokes":
        """The strokes of a picture that lies at one place, where they are when it lies at another.

        They are drawn as thick as before.
        """
        zoom = to.width / placed.width
        corner, there = (np.array((one.left, one.top), np.float32) for one in (placed, to))
        points = (self.points - corner) * zoom + there
        return replace(self, points=points.astype(np.float32))

    def take(self, order: np.ndarray | list[int] | slice) -> "Strokes":
        """Some of the strokes, in another order perhaps."""
        return Strokes(self.points[order], self.half_widths[order], self.opacities[order])


@dataclass(frozen=True)
class Placed:
    """Where a picture lies on the canvas, in canvas pixels: the rest is padding."""

    left: float
    top: float
    width: float
    height: float


WHOLE_CANVAS = Placed(0.0, 0.0, float(CANVAS), float(CANVAS))


@dataclass(frozen=True)
class LossFigures:
    """How far a sketch is from its picture in the eyes of the model; lower is nearer.

    total is what was minimised; semantic is 1 − cosine of the final embeddings; geometric is the
    sum of the hidden maps' mean squared differences. All of the clean view, without augmentation.
    """

    total: float
    semantic: float
    geometric: float


@dataclass(frozen=True)
class Sketch:
    """A finished sketch.

    strokes: in drawing order: each prefix is a sketch too
    groups: SUBJECT or BACKGROUND, one a stroke
    gains: float32 (strokes,), by how much of the way from the empty canvas to the whole sketch
        each stroke in turn lowers the loss; they sum to 1 (all zero where nothing was gained)
    """

    strokes: Strokes
    groups: tuple[str, ...]
    gains: np.ndarray
    loss: LossFigures
    placed: Placed = WHOLE_CANVAS

    def first(self, count: int) -> "Sketch":
        """The sketch of its first `count` strokes; the loss remains that of all of them."""
        kept = slice(count)
        return replace(
            self, strokes=self.strokes.take(kept), groups=self.groups[kept], gains=self.gains[kept]
        )


@dataclass(frozen=True)
class Drawing:
    """A sketch with how it came about.

    history: the same strokes, in the same order, at moments of the optimisation, first to last;
        empty when not recorded
    iterations: steps of the optimisation
    seed: the one that won
    """

    sketch: Sketch
    history: tuple[Strokes, ...] = ()
    iterations: int = 0
    seed: int = 0
    seconds: float = field(default=0.0, compare=False)
