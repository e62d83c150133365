"""Sketches of real footage: is the subject found, do strokes live, and how long does it take?

    python -m benchmarks.real_pictures.sketching [--footage FOLDER…] [--sheet FILE]

The footage is as for `benchmarks.real_pictures.asking`; without any only the photographs are drawn
that packages carry. Boxes around the subjects of sixteen videos, in per cent of the first
keyframe's sides, were drawn by hand before the framing was built. How stills are framed was then
chosen on fifteen other pictures; what is taken for a moving subject, and when a stroke is lost, was
looked at on the six clips too. The sheet shows all beside as many of the longest Canny edges and
their sketches; with `--sheet-of` only some, by name.
"""

import csv
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import select

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, Report, benchmark
from benchmarks.real_pictures.footage import indexed
from models.clip.backbone import Backbone, load_backbone
from models.clip.sources import choose_model
from search.catalog.places import SegmentPlace, place_segments
from search.catalog.settings import SketchSettings
from search.catalog.tables import Segment
from search.library import Library
from sketch.canvas import Target, visible_box
from sketch.edges.canny import canny_strokes
from sketch.raster.narrow_band import render_strokes
from sketch.strokes import Drawing, Placed
from sketch.subject.framing import subject_box
from tasks.sketches.animation import animate
from tasks.sketches.maker import BATCH, SketchMaker
from tasks.sketches.targets import KeyframeReader, keyframe_reader, make_targets

_MODEL = "imagenet"
_BOXES = Path(__file__).with_name("boxes.csv")
_STROKES, _COLUMNS, _GAP = 16, 3, 8
# What moves by itself, and not because a camera goes over a photograph.
_CLIPS = {"6fps-overlay", "arm-wrestling", "bears", "pool-1s", "two-people-1080p", "untitled"}

Box = tuple[float, float, float, float]
# A name, its segment, when the picture is seen that was drawn, and the drawing.
Drawn = tuple[str, SegmentPlace, float | None, Drawing]


@dataclass(frozen=True)
class Subject:
    """How well the box around a subject is met, and how well the whole picture would meet it."""

    shown: str
    found: float
    whole_picture: float


@dataclass(frozen=True)
class Animated:
    """What becomes of a segment's strokes: per cent that are seen in every keyframe, and how far
    one goes at most from one keyframe to the next, in per cent of the canvas.
    """

    shown: str
    keyframes: int
    living: float
    farthest: float


def hand_drawn() -> dict[str, Box]:
    """Boxes by the names of their videos: left, top, right, bottom as shares of the sides."""
    with _BOXES.open(encoding="utf-8", newline="") as file:
        return {row["shown"]: _box_in(row) for row in csv.DictReader(file)}


def _box_in(row: dict[str, str]) -> Box:
    left, top, right, bottom = (
        float(row[side]) / 100 for side in ("left", "top", "right", "bottom")
    )
    return left, top, right, bottom


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    common = tuple(max(a, b) for a, b in zip(one[:2], other[:2], strict=True))
    ends = tuple(min(a, b) for a, b in zip(one[2:], other[2:], strict=True))
    width, height = (max(0.0, end - begin) for begin, end in zip(common, ends, strict=True))
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (sum(areas) - width * height)


def box_found(target: Target) -> Box:
    """The box of what is drawn, as shares of the whole picture's sides.

    Where a part of the picture was enlarged, it is that part without what was left around.
    """
    found = subject_box(target.mask) or visible_box(target.placed)
    placed: Placed = target.placed
    sides = (
        (found[0] - placed.left) / placed.width,
        (found[1] - placed.top) / placed.height,
        (found[2] - placed.left) / placed.width,
        (found[3] - placed.top) / placed.height,
    )
    left, top, right, bottom = (min(max(0.0, side), 1.0) for side in sides)
    return left, top, right, bottom


def first_segments(library: Library, names: Sequence[str]) -> Iterator[tuple[str, SegmentPlace]]:
    """The first segment of each video of these names that is there, in their order."""
    with library.reading() as session:
        ids = list(session.scalars(select(Segment.id).where(Segment.position == 0)))
        places = {place.path.stem: place for place in place_segments(session, ids)}
    for name in names:
        if name in places:
            yield name, places[name]


def animations(
    maker: SketchMaker, reader: KeyframeReader, drawn: Sequence[Drawn]
) -> Iterator[Animated]:
    """What becomes of the strokes of each drawing."""
    for name, place, frame_s, drawing in drawn:
        made = animate(
            maker, reader, place, drawing.sketch, frame_s=frame_s, stop=threading.Event()
        )
        assert made is not None
        seen = made.opacities > 0
        both = seen[1:] & seen[:-1]
        moved = np.linalg.norm(np.diff(made.points, axis=0), axis=3).mean(axis=2) / 224
        farthest = float(moved[both].max()) if both.any() else 0.0
        yield Animated(name, len(seen), 100 * float(seen.all(axis=0).mean()), 100 * farthest)


def sheet(targets: Sequence[Target], drawings: Sequence[Drawing]) -> Image.Image:
    """Each picture with Canny's edges and the sketch, three to a row."""
    cells = []
    for target, drawing in zip(targets, drawings, strict=True):
        whole = target.whole or target
        everything = Target.unmasked(whole.picture, whole.placed)
        lines = (canny_strokes(everything, _STROKES), drawing.sketch.strokes)
        tiles = [whole.picture]
        tiles += [np.repeat(render_strokes(one)[..., None], 3, axis=2) for one in lines]
        around = ((_GAP, _GAP), (_GAP, _GAP), (0, 0))
        cells.append(np.pad(np.concatenate(tiles, axis=1), around, constant_values=1))
    cells += [np.ones_like(cells[0])] * (-len(cells) % _COLUMNS)
    rows = (cells[n : n + _COLUMNS] for n in range(0, len(cells), _COLUMNS))
    page = np.concatenate([np.concatenate(row, axis=1) for row in rows])
    return Image.fromarray(np.round(page * 255).clip(0, 255).astype(np.uint8))


def seconds_a_sketch(
    maker: SketchMaker, reader: KeyframeReader, places: Sequence[SegmentPlace]
) -> float:
    """From the video to its strokes, the places one batch."""
    begun = time.perf_counter()
    maker.draw(
        make_targets(maker, [reader.read(place) for place in places]), stop=threading.Event()
    )
    return (time.perf_counter() - begun) / len(places)


def measure(
    library: Library, backbone: Backbone, report: Report, to: Path | None, shown: Sequence[str]
) -> None:
    """Sketch the first segments of all videos that have a hand-drawn box."""
    boxes = hand_drawn()
    maker = SketchMaker(backbone, SketchSettings(strokes=_STROKES))
    named = list(first_segments(library, list(boxes)))
    with keyframe_reader(library, with_evidence=True) as reader:
        read = [reader.read(place) for _, place in named]
        targets = make_targets(maker, read)
        drawings = maker.draw(targets, stop=threading.Event())
        if to is not None:
            chosen = [number for number, (name, _) in enumerate(named) if name in shown]
            page = sheet([targets[n] for n in chosen], [drawings[n] for n in chosen])
            page.save(to, optimize=True)
        found = [
            Subject(name, overlap(box_found(one), boxes[name]), overlap((0, 0, 1, 1), boxes[name]))
            for (name, _), one in zip(named, targets, strict=True)
        ]
        report.show("Boxes around the subjects", found)
        drawn = [
            (*one, subject.frame_s, drawing)
            for one, subject, drawing in zip(named, read, drawings, strict=True)
        ]
        moving = [one for one in drawn if one[0] in _CLIPS]
        followed = list(animations(maker, reader, moving))
        report.show("Strokes of animated sketches", followed)
        alone = statistics.median(seconds_a_sketch(maker, reader, [place]) for _, place in named)
        batch = [place for _, place in named] * 2
        together = seconds_a_sketch(maker, reader, batch[:BATCH])
    report.figures(
        [
            Figure("box, median overlap", statistics.median(one.found for one in found), ">= 0.7"),
            Figure(
                "box of the whole picture", statistics.median(one.whole_picture for one in found)
            ),
            *_of_strokes(followed),
            Figure("a sketch alone, s", alone, "<= 1.5"),
            Figure(f"a sketch of {BATCH}, s", together, "<= 0.6"),
        ]
    )


def _of_strokes(followed: Sequence[Animated]) -> list[Figure]:
    if not followed:
        return []
    return [
        Figure("strokes that live, least %", min(one.living for one in followed), ">= 80"),
        Figure("farthest way, % of canvas", max(one.farthest for one in followed), "<= 10"),
    ]


def main() -> None:
    """Index the footage with `imagenet`, sketch it, and measure."""
    parser = parser_for(__doc__)
    parser.add_argument("--footage", type=Path, nargs="*", default=[])
    parser.add_argument("--sheet", type=Path, help="where to write the contact sheet")
    parser.add_argument("--sheet-of", nargs="+", default=list(hand_drawn()), help="what it shows")
    with (
        benchmark("real_pictures_sketching", parser) as (options, report),
        indexed(options.footage, model=_MODEL) as library,
    ):
        backbone = load_backbone(choose_model(_MODEL))
        measure(library, backbone, report, options.sheet, options.sheet_of)


if __name__ == "__main__":
    main()
