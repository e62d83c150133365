"""Whether sketches of the small world are recognised by a model that did not draw them.

The judge is made by `python -m smallworld.train_judge --out FOLDER`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.options import parser_for
from benchmarks.reporting import Figure, Report
from models.backbone import Backbone, load_backbone
from models.choice import BUNDLED
from models.hidden_maps import picture_tower
from models.sources import choose_model
from sketch.drawing import Artist
from sketch.edges import edge_map
from sketch.mask import motion_map, subject_mask
from sketch.pictures import on_canvas
from sketch.polylines import canny_polylines
from sketch.raster import render_strokes
from sketch.strokes import CANVAS, Strokes
from sketch.target import Target
from smallworld.motions import Course
from smallworld.moving import Clip
from smallworld.pictures import PictureSampler
from smallworld.shots import ShotPainter, shot_of
from smallworld.sprites import shipped_atlas, shipped_things

_SEED = 990_005
_BATCH = 16
_FRAMES = 7
_SIZES = (0.38, 0.8)


@dataclass(frozen=True)
class Recognised:
    """Per cent whose thing the model names first, and among its first three, of 75."""

    what: str
    strokes: float
    judge_top1: float
    judge_top3: float
    drawer_top1: float


@dataclass(frozen=True)
class Keyframe:
    """What is drawn, and what it shows."""

    target: Target
    thing: int


def keyframes(count: int) -> list[Keyframe]:
    """The middle of clips in which one thing moves, upright, before any scene.

    The mask is what its motion tells.
    """
    rng = np.random.default_rng([_SEED, 3])
    things = shipped_things()
    names = [thing.name for thing in things]
    sampler = PictureSampler(things, rng)
    painter = ShotPainter(shipped_atlas(), width=CANVAS, height=CANVAS)
    found = []
    for _ in range(count):
        picture = sampler.easy_picture()
        size = float(rng.uniform(*_SIZES))
        placement = replace(picture.placements[0], x=0.5, y=0.52, size=size)
        picture = replace(picture, placements=(placement,))
        way = str(rng.choice(["left", "right"]))
        course = Course(way, "slow", begin_s=0.0, run_s=2.0, reach=0.5)
        shot = shot_of(Clip(picture, course, duration_s=2.0), grain=0.01)
        times_s = [1.0 + 0.2 * (i - _FRAMES // 2) for i in range(_FRAMES)]
        frames = np.stack(list(painter.frames(shot, times_s)))
        pixels, placed = on_canvas(frames[_FRAMES // 2])
        mask = subject_mask(pixels, placed, motion=motion_map(frames, _FRAMES // 2))
        found.append(Keyframe(Target(pixels, mask, placed), names.index(placement.thing)))
    return found


class Judge:
    """Names things in pictures."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        texts = backbone.embed_texts([f"a photo of {t.phrases[0]}" for t in shipped_things()])
        self._texts = torch.nn.functional.normalize(texts, dim=1)

    def top(self, pictures: Sequence[np.ndarray], right: Sequence[int]) -> tuple[float, float]:
        """Per cent right at the first guess and among three; float pictures in 0..1."""
        pixels = np.stack([np.round(p * 255).clip(0, 255).astype(np.uint8) for p in pictures])
        if pixels.ndim == 3:
            pixels = np.repeat(pixels[..., None], 3, axis=3)
        seen = torch.nn.functional.normalize(self._backbone.embed_frames(pixels), dim=1)
        ranked = (seen @ self._texts.T).argsort(dim=1, descending=True)[:, :3]
        hits = ranked == torch.tensor(right)[:, None]
        return 100 * float(hits[:, 0].float().mean()), 100 * float(hits.any(dim=1).float().mean())


def drawn(artist: Artist, frames: Sequence[Keyframe], strokes: int | str) -> list[Strokes]:
    """A sketch of each."""
    told = []
    for start in range(0, len(frames), _BATCH):
        targets = [frame.target for frame in frames[start : start + _BATCH]]
        told += [drawing.sketch.strokes for drawing in artist.draw(targets, strokes=strokes)]
    return told


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's: of the ranks, ties sharing theirs."""
    first, second = (_ranks(np.asarray(values, float)) for values in (a, b))
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.array([(values < v).sum() + ((values == v).sum() - 1) / 2 for v in values])


def main() -> None:
    """Measure and print."""
    parser = parser_for(__doc__)
    parser.add_argument(
        "--judge", type=Path, required=True, help="weights.safetensors of the judge"
    )
    parser.add_argument("--count", type=int, default=200)
    options = parser.parse_args()
    report = Report("sketch_recognition")
    drawer = load_backbone(choose_model(BUNDLED))
    judges = (
        Judge(load_backbone(choose_model(BUNDLED, weights=options.judge))),
        Judge(drawer),
    )
    frames = keyframes(options.count)
    right = [frame.thing for frame in frames]

    def row(what: str, strokes: float, pictures: Sequence[np.ndarray]) -> Recognised:
        (first, third), (own, _) = (judge.top(pictures, right) for judge in judges)
        return Recognised(what, strokes, first, third, own)

    def rendered(sketches: Sequence[Strokes]) -> list[np.ndarray]:
        return [render_strokes(strokes) for strokes in sketches]

    artist = Artist(picture_tower(drawer))
    rows = [row("photograph", 0, [frame.target.picture for frame in frames])]
    for count in (4, 8, 16, 32):
        rows.append(row("sketch", count, rendered(drawn(artist, frames, count))))
        for name, masked in (("Canny", False), ("Canny, same mask", True)):
            plain = [f.target if masked else _unmasked(f.target) for f in frames]
            lines = [canny_polylines(target, count) for target in plain]
            rows.append(row(name, count, rendered(lines)))
    auto = drawn(artist, frames, "auto")
    counts = [len(strokes) for strokes in auto]
    rows.append(row("sketch, auto", float(np.mean(counts)), rendered(auto)))
    report.show(f"{len(frames)} keyframes, {len(shipped_things())} things", rows)
    lengths = [edge_map(frame.target).length_px for frame in frames]
    sketches = {r.strokes: r.judge_top1 for r in rows if r.what == "sketch"}
    baseline = {r.strokes: r.judge_top1 for r in rows if r.what == "Canny"}
    report.show(
        "Figures",
        [
            Figure("16 strokes, named by the judge, %", sketches[16]),
            Figure("16 Canny polylines, %", baseline[16], "clearly less"),
            Figure(
                "auto: rank correlation with edge length",
                rank_correlation(counts, lengths),
                ">= 0.5",
            ),
            Figure(
                "auto: points below the best fixed count",
                max(sketches.values()) - rows[-1].judge_top1,
                "<= 2",
            ),
        ],
    )
    report.finish(options.out)


def _unmasked(target: Target) -> Target:
    return replace(target, mask=np.ones((CANVAS, CANVAS), np.float32))


if __name__ == "__main__":
    main()
