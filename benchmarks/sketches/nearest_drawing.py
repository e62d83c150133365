"""Whether the drawing of a thing that is most like a sketch is of the thing that it shows.

    python -m benchmarks.sketches.nearest_drawing [--count 200] [--critic FOLDER]

A judge that is not trained: it compares a sketch with line drawings of the 75 things, which filters
make of their sprites, by the directions of their lines in 12 × 12 places (histograms of oriented
gradients: Dalal and Triggs 2005). The keyframes are those of `benchmarks.sketch_recognition`.

With --critic the strokes are then moved by CLIPasso's steps, with a model that has seen pictures
and line drawings: its folder is made by `python -m smallworld.training.train_judge --out FOLDER`.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.sketch_recognition import Keyframe, drawn, keyframes
from models.clip.backbone import load_backbone
from models.clip.sources import choose_model
from models.identity import BUNDLED
from models.towers.hidden_maps import picture_tower
from sketch.drawing.artist import Artist
from sketch.edges.canny import canny_strokes
from sketch.edges.edge_map import edge_map
from sketch.edges.fit import fit_edges
from sketch.raster.narrow_band import render_strokes
from sketch.strokes import CANVAS, Strokes
from smallworld.stills.line_drawings import line_drawings
from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.sprites import shipped_atlas, shipped_things
from smallworld.training.model import WEIGHTS_FILE

_STROKES = 16
# Drawings of each thing, each broken elsewhere.
_DRAWINGS, _AT_ONCE = 6, 25
_SIDE, _PLACES, _DIRECTIONS = 96, 12, 8
_SMOOTH_PX, _BLUR_PX = 2.0, 5.0


class NearestDrawing:
    """Names what a sketch shows by the line drawing that is most like it."""

    def __init__(self) -> None:
        things, atlas = shipped_things(), shipped_atlas()
        pictures = [Picture("room", 3, (Placement(thing.name, 0.5, 0.5, 0.8),)) for thing in things]
        told = []
        for seed in range(_DRAWINGS):
            generator = torch.Generator().manual_seed(seed)
            for first in range(0, len(pictures), _AT_ONCE):
                part = pictures[first : first + _AT_ONCE]
                drawn = line_drawings(part, atlas, generator, size=CANVAS)[:, 0].numpy()
                told += [described(one) for one in drawn]
        self._drawings = np.reshape(told, (_DRAWINGS, len(things), -1))

    def named(self, sketches: Sequence[Strokes], truth: Sequence[int]) -> float:
        """Per cent of the sketches that are most like a drawing of what they show."""
        right = 0
        for sketch, thing in zip(sketches, truth, strict=True):
            image = render_strokes(sketch)
            # A thing may look to the other side.
            alike = [self._drawings @ described(one) for one in (image, image[:, ::-1])]
            right += int(np.max(alike, axis=(0, 1)).argmax()) == thing
        return 100 * right / len(sketches)


def described(image: np.ndarray) -> np.ndarray:
    """Which way the lines of a drawing go where, a unit vector; zeros for blank paper.

    image: float (height, width), 0 is ink and 1 paper. Where on it the drawing lies, and how
        large it is, makes no difference
    """
    ink = 1 - np.asarray(image, np.float32)
    rows, columns = np.nonzero(ink > 0.3)
    if len(rows) == 0:
        return np.zeros(_DIRECTIONS * _PLACES**2, np.float32)
    inner = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    above, before = ((max(inner.shape) - length) // 2 for length in inner.shape)
    square = np.zeros((max(inner.shape),) * 2, np.float32)
    square[above : above + inner.shape[0], before : before + inner.shape[1]] = inner
    small = cv2.resize(square, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), _SMOOTH_PX)
    across, down = cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1)
    angles = (np.arctan2(down, across) % np.pi) / np.pi * _DIRECTIONS
    strength = np.hypot(across, down)
    places = []
    for direction in range(_DIRECTIONS):
        apart = np.abs(angles - direction)
        share = np.clip(1 - np.minimum(apart, _DIRECTIONS - apart), 0, 1) * strength
        spread = cv2.GaussianBlur(share, (0, 0), _BLUR_PX)
        places.append(cv2.resize(spread, (_PLACES, _PLACES), interpolation=cv2.INTER_AREA))
    vector = np.sqrt(np.stack(places)).ravel()
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-6), np.float32)


def moved_by(critic: Path, shown: Sequence[Keyframe]) -> list[Strokes]:
    """Sketches whose strokes a critic has moved."""
    backbone = load_backbone(choose_model(BUNDLED, weights=critic / WEIGHTS_FILE))
    return drawn(Artist(picture_tower(backbone)), shown, _STROKES)


def main() -> None:
    """Measure and print."""
    parser = parser_for(__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--critic", type=Path, help="folder of a model that moves strokes")
    with benchmark("nearest_drawing", parser) as (options, report):
        judge, shown = NearestDrawing(), keyframes(options.count)
        targets, things = [one.target for one in shown], [one.thing for one in shown]
        edges = [edge_map(target) for target in targets]
        sketches = [Strokes.plain(points) for points in fit_edges(edges, _STROKES)]
        canny = [canny_strokes(target.whole or target, _STROKES) for target in targets]
        figures = [
            Figure(f"{_STROKES} strokes, named rightly, %", judge.named(sketches, things)),
            Figure(f"{_STROKES} Canny edges, %", judge.named(canny, things), "clearly less"),
        ]
        if options.critic is not None:
            moved = judge.named(moved_by(options.critic, shown), things)
            figures.append(Figure("strokes that a critic has moved, %", moved))
        report.figures(figures)


if __name__ == "__main__":
    main()
