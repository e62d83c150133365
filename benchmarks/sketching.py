"""How long whole sketches take by the quick preset, on all cores.

`kinodex sketch` lets idle threads sleep, so run this as `OMP_WAIT_POLICY=PASSIVE python -m
benchmarks.sketching`: threads that spin cost much where a machine is busy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.measuring.options import bundled_backbone, parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.measuring.timing import seconds, spread
from models.clip.backbone import Backbone, load_backbone
from models.clip.sources import choose_model
from models.identity import BUNDLED, RANDOM
from models.towers.hidden_maps import picture_tower
from sketch.canvas import Target, on_canvas
from sketch.drawing.artist import Artist
from sketch.strokes import CANVAS
from smallworld.clips.moving import resting
from smallworld.clips.shots import ShotPainter, shot_of
from smallworld.stills.pictures import PictureSampler
from smallworld.stills.sprites import shipped_atlas, shipped_things

_STROKES = 16
_TARGETS_S = {(BUNDLED, 1): 3, (BUNDLED, 16): 1, ("RN101", 1): 15, ("ViT-B-32", 1): 15}


@dataclass(frozen=True)
class Sketching:
    """Median, fastest and slowest run, in seconds a sketch of 16 strokes."""

    model: str
    pictures: int
    iterations: float
    median_s: float
    least_s: float
    most_s: float


def targets(count: int) -> list[Target]:
    """Stills of the small world."""
    rng = np.random.default_rng(12)
    sampler = PictureSampler(shipped_things(), rng)
    painter = ShotPainter(shipped_atlas(), width=CANVAS, height=CANVAS)
    found = []
    for _ in range(count):
        shot = shot_of(resting(sampler.easy_picture(), duration_s=1.0))
        pixels, placed = on_canvas(next(painter.frames(shot, [0.0])))
        found.append(Target(pixels, np.ones((CANVAS, CANVAS), np.float32), placed))
    return found


def sketching(name: str, backbone: Backbone, counts: Sequence[int], rounds: int) -> list[Sketching]:
    """The first sketch warms up and is not counted."""
    artist = Artist(picture_tower(backbone))
    artist.draw(targets(1), strokes=_STROKES)
    told = []
    for count in counts:
        pictures = targets(count)
        steps = np.mean([one.iterations for one in artist.draw(pictures, strokes=_STROKES)])
        least, median, most = spread(seconds(artist.draw, pictures) / count for _ in range(rounds))
        told.append(Sketching(name, count, float(steps), median, least, most))
    return told


def main() -> None:
    """Measure and print."""
    parser = parser_for(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    with benchmark("sketching", parser) as (options, report):
        rows = sketching(BUNDLED, bundled_backbone(), (1, 16), options.rounds)
        for name in ("RN101", "ViT-B-32"):
            backbone = load_backbone(choose_model(name, pretrained=RANDOM))
            rows += sketching(name, backbone, (1,), options.rounds)
        report.show("Sketches by the quick preset (RN101 and ViT-B-32: random weights)", rows)
        report.figures(
            Figure(
                f"{row.model}, {row.pictures} at once, s a sketch",
                row.median_s,
                f"<= {_TARGETS_S[row.model, row.pictures]}",
            )
            for row in rows
        )


if __name__ == "__main__":
    main()
