"""What is made of what models say of pictures and their sketches."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import KinodexError
from sketch.drawing.recognition import Recogniser
from sketch.strokes import LossFigures, Strokes
from tasks.evaluation import sketch_report
from tasks.evaluation.sketch_exam import Exam, ExamEntry
from tasks.evaluation.sketch_report import SketchRow, draw_curve, print_recognition, rows_of
from tasks.terminal.curves import Line, Panel

PICTURES = [np.zeros((224, 224, 3), np.float32)] * 2
LABELS = ["cat", "dog", "bus", "car"]
ROWS = [
    SketchRow("photograph", 0, {"judge": (100.0, 100.0), "drawer": (87.5, 100.0)}),
    SketchRow("sketch", 8, {"judge": (50.0, 75.0), "drawer": (62.5, 80.0)}, 0.5, 0.25),
    SketchRow("Canny", 8, {"judge": (25.0, 30.0), "drawer": (12.5, 15.0)}, 1.0, 2.0),
    SketchRow("sketch", 2, {"judge": (10.0, 20.0), "drawer": (20.0, 30.0)}),
]


class Sees(Recogniser):
    """Says of photographs and of sketches, one after the other, what it was told to say."""

    def __init__(self, *said: list[list[float]]) -> None:
        self._said = [torch.tensor(one) for one in said]

    def scores(self, pictures: Sequence[np.ndarray]) -> torch.Tensor:
        said = self._said.pop(0)
        assert len(pictures) == len(said)
        return said


def strokes(count: int) -> Strokes:
    return Strokes(
        np.full((count, 4, 2), 100, np.float32),
        np.ones(count, np.float32),
        np.ones(count, np.float32),
    )


def test_sketches_are_held_to_what_the_pictures_show():
    ways = [
        ExamEntry("sketch", [strokes(2), strokes(3)], [_loss(0.5, 2), _loss(1.5, 4)]),
        ExamEntry("first 1", [strokes(1), strokes(1)]),
    ]
    judge = Sees(
        [[0.9, 0.1, 0.2, 0.3], [0.9, 0.8, 0.2, 0.1]],
        [[0.9, 0.1, 0.2, 0.3], [0.4, 0.5, 0.2, 0.1]],
        [[0.1, 0.9, 0.8, 0.7], [0.2, 0.1, 0.5, 0.4]],
    )
    rows = rows_of(Exam(PICTURES, LABELS, [0, 1], ways, 0), {"judge": judge})
    assert rows == [
        SketchRow("photograph", 0, {"judge": (50.0, 100.0)}),
        SketchRow("sketch", 2.5, {"judge": (100.0, 100.0)}, 1.0, 3.0),
        SketchRow("first 1", 1, {"judge": (0.0, 0.0)}),
    ]


def test_without_names_a_model_is_held_to_what_it_says_itself():
    ways = [ExamEntry("sketch", [strokes(1), strokes(1)])]
    said = [[0.1, 0.9, 0.2, 0.3], [0.1, 0.8, 0.2, 0.9]], [[0.1, 0.9, 0.2, 0.3], [0.9, 0, 0, 0]]
    rows = rows_of(Exam(PICTURES, LABELS, None, ways, 0), {"drawer": Sees(*said)})
    assert [row.named["drawer"] for row in rows] == [(100.0, 100.0), (50.0, 50.0)]


def _loss(semantic: float, geometric: float) -> LossFigures:
    return LossFigures(semantic + geometric, semantic, geometric)


EXAM = Exam(PICTURES, LABELS, [0, 1], [], 0)


def test_a_pipe_gets_a_heading_and_a_line_for_each_way(capsys):
    print_recognition(ROWS, EXAM, as_json=False)
    shown = capsys.readouterr()
    assert shown.err == "2 pictures, 4 labels; right is the name of the picture's folder\n"
    assert [line.split("\t") for line in shown.out.splitlines()] == [
        ["", "strokes", "judge: top-1", "top-3", "drawer: top-1", "top-3", "semantic", "geometric"],
        ["photograph", "", "100.0", "100.0", "87.5", "100.0", "", ""],
        ["sketch", "8", "50.0", "75.0", "62.5", "80.0", "0.500", "0.250"],
        ["Canny", "8", "25.0", "30.0", "12.5", "15.0", "1.000", "2.000"],
        ["sketch", "2", "10.0", "20.0", "20.0", "30.0", "", ""],
    ]


def test_programs_get_a_line_for_each_way_and_nothing_else(capsys):
    print_recognition(ROWS[1:2], Exam(PICTURES, LABELS, None, [], 0), as_json=True)
    shown = capsys.readouterr()
    assert "2 keyframes, 4 labels; right is what the same model says of the" in shown.err
    assert [json.loads(line) for line in shown.out.splitlines()] == [
        {
            "what": "sketch",
            "strokes": 8,
            "named": {"judge": [50.0, 75.0], "drawer": [62.5, 80.0]},
            "semantic": 0.5,
            "geometric": 0.25,
        }
    ]


def test_a_curve_has_a_panel_for_each_model_with_rising_strokes(tmp_path, capsys, monkeypatch):
    drawn: list[tuple[list[Panel], Path]] = []
    monkeypatch.setattr(sketch_report, "draw_panels", lambda *given: drawn.append(given))
    draw_curve(ROWS, tmp_path / "c.png")
    [(panels, file)] = drawn
    assert panels == [
        Panel(
            "named rightly by the judge, percent",
            "strokes",
            [
                Line("sketch", [(2, 10.0), (8, 50.0)], dots=True),
                Line("Canny", [(8, 25.0)], dots=True),
            ],
        ),
        Panel(
            "named rightly by the drawer, percent",
            "strokes",
            [
                Line("sketch", [(2, 20.0), (8, 62.5)], dots=True),
                Line("Canny", [(8, 12.5)], dots=True),
            ],
        ),
    ]
    assert file == tmp_path / "c.png"
    assert capsys.readouterr().err.replace("\n", "") == f"curve: {file}"


def test_a_way_that_was_not_tried_has_no_line_and_one_row_is_enough(tmp_path, monkeypatch):
    drawn: list[list[Panel]] = []
    monkeypatch.setattr(sketch_report, "draw_panels", lambda panels, _: drawn.append(panels))
    draw_curve(ROWS[1:2], tmp_path / "c.png")
    assert [[line.name for line in panel.lines] for panel in drawn[0]] == [["sketch"], ["sketch"]]


def test_a_curve_that_cannot_be_written_is_one_sentence(tmp_path):
    with pytest.raises(KinodexError, match=r"the curve '.*c\.png' cannot be written: No such file"):
        draw_curve(ROWS, tmp_path / "gone" / "c.png")
