"""What the models are shown: pictures of folders, drawn in each of the ways."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import KinodexError
from search.catalog.settings import SketchSettings
from sketch.strokes import Strokes
from tasks.evaluation.sketch_exam import ExamEntry, exam_of_pictures, labelled_files
from tasks.sketches.maker import SketchMaker
from tests.tiny import tiny_backbone


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A picture of a dog, two of a cat, and one of a cat that is broken."""
    for name, number in (("dog", 0), ("cat", 1), ("cat", 3)):
        pixels = np.full((32, 32, 3), 30 * number, np.uint8)
        pixels[8:24, 8 + number : 24] = 255
        (tmp_path / name).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    (tmp_path / "cat" / "2.png").write_bytes(b"no picture")
    return tmp_path


@pytest.fixture
def maker() -> SketchMaker:
    return SketchMaker(tiny_backbone(), SketchSettings())


def test_pictures_are_drawn_with_each_count_and_the_first_strokes_of_the_largest_stand_alone(
    folder, maker, capsys
):
    exam = exam_of_pictures(folder, maker, (1, 2, 3))
    assert (exam.labels, exam.truth, exam.failed) == (["cat", "dog"], [0, 0, 1], 1)
    assert [picture.shape for picture in exam.pictures] == [(224, 224, 3)] * 3
    assert [way.what for way in exam.ways] == [*["sketch", "Canny"] * 3, "first 1", "first 2"]
    sketch = exam.ways[4]
    assert [way.mean_strokes for way in exam.ways[:6:2]] == [1, 2, 3]
    for way, count in zip(exam.ways[6:], (1, 2), strict=True):
        assert way.losses is None
        for some, whole in zip(way.strokes, sketch.strokes, strict=True):
            assert np.array_equal(some.points, whole.points[:count])
    for way in exam.ways[:6]:
        assert len(way.losses) == 3
    assert [len(lines) for lines in exam.ways[1].strokes] == [1, 1, 1]
    assert [len(lines) for lines in exam.ways[3].strokes] == [2, 2, 2]
    told = capsys.readouterr().err
    assert "left out:" in told
    assert "2.png" in told
    assert "drawing 3 pictures with 1 stroke\n" in told


def test_pictures_of_which_none_can_be_read_are_an_error(tmp_path, maker):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(b"no picture")
    with pytest.raises(KinodexError, match="none of the pictures in"):
        exam_of_pictures(tmp_path, maker, (1,))


def test_files_and_folders_that_are_hidden_or_no_files_are_no_pictures(tmp_path):
    for place in ("cat/deeper", "dog", ".hidden"):
        (tmp_path / place).mkdir(parents=True)
    for name in ("cat/b.png", "cat/a.png", "cat/.c.png", "dog/d.png", ".hidden/e.png", "f.png"):
        (tmp_path / name).touch()
    assert labelled_files(tmp_path) == [
        (tmp_path / "cat" / "a.png", "cat"),
        (tmp_path / "cat" / "b.png", "cat"),
        (tmp_path / "dog" / "d.png", "dog"),
    ]


def test_the_strokes_of_a_way_are_those_of_a_picture_on_average():
    lines = [Strokes.plain(np.zeros((count, 4, 2))) for count in (2, 5)]
    way = ExamEntry("sketch", lines)
    assert way.mean_strokes == 3.5
    assert [len(one) for one in way.first(3).strokes] == [2, 3]
    assert way.first(3).what == "first 3"
