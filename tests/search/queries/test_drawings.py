"""Drawings as text and as queries."""

import base64
import itertools

import numpy as np
import pytest

from search.catalog.tables import SegmentSketch
from search.queries.drawings import (
    LineDrawing,
    NoDrawing,
    drawing_from_text,
    drawing_to_text,
    rendered,
)
from search.queries.language import parse, written
from tests.search.finding.test_engine import Shelf, axis


def circle(x: float = 0.5, y: float = 0.5, radius: float = 0.3) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 40)
    return np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)


CROSS = (np.array([[0.2, 0.2], [0.8, 0.8]]), np.array([[0.8, 0.2], [0.2, 0.8]]))


def test_a_drawing_survives_as_text():
    drawing = LineDrawing((circle(), *CROSS))
    text = drawing_to_text(drawing)
    again = drawing_from_text(text)
    assert drawing_to_text(again) == text
    assert np.abs(again.strokes[1] - CROSS[0]).max() < 0.001
    assert written(parse(f"drawing:{text}")) == f"drawing:{text}"


def test_a_long_drawing_stays_short_as_text():
    scribble = np.random.default_rng(1).random((5000, 2))
    assert len(drawing_to_text(LineDrawing((scribble,) * 200))) < 6000


def packed(content: bytes) -> str:
    return "d1" + base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "d1",
        "d2AAAA",
        "d1!!!!",
        packed(b"\0"),
        packed(b"\0\0"),
        packed(b"\xff\xff\0\0\0"),
        packed(b"\0\1\0\0\0" * 61),
    ],
)
def test_what_is_no_drawing_is_one_sentence(text):
    with pytest.raises(NoDrawing, match="draw it once more"):
        drawing_from_text(text)


def test_a_drawing_is_black_lines_on_white():
    picture = rendered(LineDrawing((circle(),)), side=64)
    assert (picture.shape, picture.dtype) == ((64, 64, 3), np.uint8)
    assert picture[32, 32].tolist() == [255] * 3
    assert picture[32, round(0.8 * 64)].max() < 128


def sketch(library, segment: int, *lines: np.ndarray) -> None:
    """Store straight pieces as strokes of a sketch."""
    pieces = [np.linspace(a, b, 4) for line in lines for a, b in itertools.pairwise(line)]
    points = (np.stack(pieces) * 224).astype("<f4")
    ones = np.ones(len(points), "<f4").tobytes()
    with library.writing() as session:
        session.add(
            SegmentSketch(
                segment_id=segment, recipe_key="x", recipe={}, points=points.tobytes(),
                half_widths=ones, opacities=ones, gains=ones, groups=["subject"] * len(points),
                loss_total=0, loss_semantic=0, loss_geometric=0, left=0, top=0, width=224,
                height=224,
            )
        )  # fmt: skip


@pytest.fixture
def shelf(library, backbone) -> Shelf:
    shelf = Shelf(library, backbone)
    for number in range(4):
        shelf.put(f"/v/{number}.mp4", axis(number))
    return shelf


def search(shelf, *strokes: np.ndarray, more: str = "") -> list[int]:
    text = drawing_to_text(LineDrawing(strokes))
    return [hit.segment for hit in shelf.engine.search(f"drawing:{text}{more}")]


def test_a_drawing_finds_the_sketch_of_its_shape_wherever_it_is(shelf, library):
    horizon = np.array([[0.0, 0.6], [1.0, 0.6]])
    sketch(library, 1, horizon)
    sketch(library, 2, *[line * 0.3 + 0.6 for line in CROSS], horizon)
    sketch(library, 3, circle(0.25, 0.3, 0.15), horizon)
    assert search(shelf, circle())[0] == 3
    assert search(shelf, circle(0.4, 0.4, 0.1))[0] == 3
    assert search(shelf, *CROSS)[0] == 2
    assert search(shelf, circle(), more=" --in nowhere") == []
    assert search(shelf, *CROSS, more=" --k 1") == [2]


def test_a_sketch_drawn_meanwhile_is_found(shelf, library):
    sketch(library, 1, *CROSS)
    assert search(shelf, circle())[0] == 1
    sketch(library, 4, circle())
    assert search(shelf, circle())[0] == 4


def test_where_nothing_is_sketched_the_model_looks(shelf):
    assert sorted(search(shelf, circle())) == [1, 2, 3, 4]


def test_a_dot_is_a_drawing_too(shelf, library):
    sketch(library, 1, *CROSS)
    assert len(search(shelf, np.array([[0.5, 0.5], [0.5, 0.5]]))) == 4
