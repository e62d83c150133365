"""Whether a drawing finds what it depicts.

The library is keyframes of random clips of the small world as strokes fitted to their edges, so
with their backgrounds. Asked for is each thing, drawn: the strokes of a picture of it alone,
smaller or larger, elsewhere, and with a trembling hand.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.inputs.small_library import thing_names
from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from search.finding.sketch_matching import _best, _sampled, _stored_maps, _templates
from sketch.canvas import Target, on_canvas
from sketch.edges.edge_map import edge_map
from sketch.edges.fit import fit_edges
from sketch.strokes import CANVAS, Placed
from smallworld.clips.sampler import ClipSampler
from smallworld.clips.shots import ShotPainter, shot_of
from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.render import compose
from smallworld.stills.sprites import shipped_atlas, shipped_things

_SEED = 880_004
_STROKES, _DRAWN = 16, 14


@dataclass(frozen=True)
class Found:
    """Percent of drawings with the right thing first and among the first few; the median rank."""

    sketches: int
    drawings: int
    first: float
    first_five: float
    first_twelve: float
    by_chance_in_twelve: float
    median_rank: float
    milliseconds: float


def drawings(rng: np.random.Generator) -> list[list[np.ndarray]]:
    """Each thing as lines, from 0 to 1."""
    atlas, drawn = shipped_atlas(), []
    for name in thing_names():
        grey = torch.full((1, 3, CANVAS, CANVAS), 0.5)
        alone = Picture("grass", 1, (Placement(name, 0.5, 0.5, 0.6),))
        pixels = compose(grey, [alone], atlas)[0].permute(1, 2, 0).numpy().astype(np.float32)
        whole = Target.unmasked(pixels, Placed(0, 0, CANVAS, CANVAS))
        lines = _sampled(fit_edges([edge_map(whole)], _DRAWN)[0] / CANVAS)
        scale, shift = rng.uniform(0.5, 1.0), rng.uniform(-0.1, 0.1, 2)
        drawn.append(
            [
                (line - 0.5) * scale + 0.5 + shift + np.cumsum(rng.normal(0, 0.0025, line.shape), 0)
                for line in lines
            ]
        )
    return drawn


def library(count: int, rng: np.random.Generator) -> tuple[torch.Tensor, list[set[str]]]:
    """The maps of sketches, and the things in each."""
    sampler = ClipSampler(shipped_things(), rng)
    painter = ShotPainter(shipped_atlas(), width=320, height=240)
    packed, things = [], []
    for _ in range(count):
        clip = sampler.clip()
        picture, placed = on_canvas(next(painter.frames(shot_of(clip), [clip.duration_s / 2])))
        strokes = fit_edges([edge_map(Target.unmasked(picture, placed))], _STROKES)[0]
        packed.append(np.asarray(strokes, "<f4").tobytes())
        things.append({placement.thing for placement in clip.picture.placements})
    return _stored_maps(packed), things


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--clips", type=int, default=400)
    with benchmark("drawing_queries", parser) as (options, report):
        rng = np.random.default_rng(_SEED)
        maps, things = library(options.clips, rng)
        ranks, chances, times_s = [], [], []
        for name, lines in zip(thing_names(), drawings(rng), strict=True):
            right = np.array([name in one for one in things])
            if not right.any():
                continue
            started = time.perf_counter()
            with torch.inference_mode():
                scores = _best(maps.float() / 255, _templates(lines)).numpy()
            times_s.append(time.perf_counter() - started)
            ranks.append(int(np.argmax(right[np.argsort(-scores, kind="stable")])))
            wrong, all_of_them = int((~right).sum()), len(right)
            chances.append(1 - np.prod([(wrong - i) / (all_of_them - i) for i in range(12)]))
        rank = np.array(ranks)
        row = Found(
            sketches=len(maps),
            drawings=len(rank),
            first=100 * float((rank < 1).mean()),
            first_five=100 * float((rank < 5).mean()),
            first_twelve=100 * float((rank < 12).mean()),
            by_chance_in_twelve=100 * float(np.mean(chances)),
            median_rank=1 + float(np.median(rank)),
            milliseconds=1000 * float(np.median(times_s)),
        )
        report.show("Things that were drawn", [row])
        report.figures([Figure("among the first twelve, %", row.first_twelve)])


if __name__ == "__main__":
    main()
