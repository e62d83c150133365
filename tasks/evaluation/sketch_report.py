"""How often sketches are recognised: the rows of the table, its printing, and the curve."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from models.errors import KinodexError
from sketch.drawing.recognition import Recogniser, named
from sketch.raster.narrow_band import render_strokes
from tasks.evaluation.sketch_exam import Exam, ExamEntry
from tasks.terminal.curves import Line, Panel, draw_panels
from tasks.terminal.printing import data, data_console, data_json, print_rows, talk


@dataclass(frozen=True)
class SketchRow:
    """One way of showing the pictures.

    named: percent named first, and among the first three, by each model
    semantic, geometric: means over the pictures, in the eyes of the model that drew
    """

    what: str
    strokes: float
    named: dict[str, tuple[float, float]]
    semantic: float | None = None
    geometric: float | None = None


def rows_of(exam: Exam, recognisers: Mapping[str, Recogniser]) -> list[SketchRow]:
    """The photographs, and each way of drawing them."""
    scores = {name: one.scores(exam.pictures) for name, one in recognisers.items()}
    truth = {
        name: exam.truth if exam.truth is not None else seen.argmax(dim=1).tolist()
        for name, seen in scores.items()
    }
    photographs = {name: named(seen, truth[name]) for name, seen in scores.items()}
    return [
        SketchRow("photograph", 0, photographs),
        *[_row(way, recognisers, truth) for way in exam.ways],
    ]


def _row(
    way: ExamEntry, recognisers: Mapping[str, Recogniser], truth: Mapping[str, Sequence[int]]
) -> SketchRow:
    pictures = [render_strokes(strokes) for strokes in way.strokes]
    found = {name: named(one.scores(pictures), truth[name]) for name, one in recognisers.items()}
    if way.losses is None:
        return SketchRow(way.what, way.mean_strokes, found)
    semantic, geometric = (
        float(np.mean([getattr(loss, part) for loss in way.losses]))
        for part in ("semantic", "geometric")
    )
    return SketchRow(way.what, way.mean_strokes, found, semantic, geometric)


def print_recognition(rows: Sequence[SketchRow], exam: Exam, *, as_json: bool) -> None:
    """A table for a terminal, tab-separated lines for a pipe, or JSON lines."""
    talk(_meaning(exam))
    if as_json:
        for row in rows:
            data_json(asdict(row))
        return
    headings = _headings(rows[0])
    if not data_console.is_terminal:
        data("\t".join(headings))
    print_rows(headings, [_cells(row) for row in rows])


def draw_curve(rows: Sequence[SketchRow], file: Path) -> None:
    """Strokes against recognition: a panel for each model. Raises KinodexError."""
    panels = [
        Panel(
            f"named rightly by the {name}, percent",
            "strokes",
            [
                Line(what, points, dots=True)
                for what in ("sketch", "Canny")
                if (points := _points(rows, what, name))
            ],
        )
        for name in rows[0].named
    ]
    try:
        draw_panels(panels, file)
    except OSError as error:
        raise KinodexError(
            f"the curve {str(file)!r} cannot be written: {error.strerror or error}"
        ) from error
    talk(f"curve: {file}")


def _points(rows: Sequence[SketchRow], what: str, name: str) -> list[tuple[float, float]]:
    return sorted((row.strokes, row.named[name][0]) for row in rows if row.what == what)


def _meaning(exam: Exam) -> str:
    labels, pictures = len(exam.labels), len(exam.pictures)
    if exam.truth is None:
        return (
            f"{pictures} keyframes, {labels} labels; right is what the same model says of the "
            "photograph"
        )
    return f"{pictures} pictures, {labels} labels; right is the name of the picture's folder"


def _headings(row: SketchRow) -> list[str]:
    shares = [heading for name in row.named for heading in (f"{name}: top-1", "top-3")]
    return ["", "strokes", *shares, "semantic", "geometric"]


def _cells(row: SketchRow) -> list[str]:
    shares = [f"{share:.1f}" for pair in row.named.values() for share in pair]
    losses = ["" if loss is None else f"{loss:.3f}" for loss in (row.semantic, row.geometric)]
    return [row.what, f"{row.strokes:.0f}" if row.strokes else "", *shares, *losses]
