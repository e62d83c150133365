"""What the models are shown: pictures of folders, drawn in each of the ways."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.errors import KinodexError
from models.identity import ModelChoice
from search.catalog.places import SegmentPlace
from search.catalog.settings import SketchSettings
from search.catalog.sketches import StoredSketch
from sketch.strokes import Strokes
from tasks.evaluation import sketch_exam
from tasks.evaluation.sketch_exam import (
    Exam,
    ExamEntry,
    exam_of_library,
    exam_of_pictures,
    labelled_files,
)
from tasks.sketches.maker import SketchMaker
from tasks.sketches.records import to_store
from tasks.sketches.targets import KeyframeUnreadable
from tasks.terminal.model_flags import ModelFlags
from tests.tasks.sketches.drawings import place as made_up
from tests.tasks.sketches.drawings import sketch
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


class Sketched:
    """A library of some segments, each with a keyframe and a sketch, or without."""

    def __init__(
        self,
        patch: pytest.MonkeyPatch,
        *,
        keyframes: Sequence[bool] = (True, True),
        sketches: Sequence[int | None] = (2, 4),
        tagged: bool = True,
        space: bool = True,
    ) -> None:
        self._keyframes, self._sketches = keyframes, sketches
        words = SimpleNamespace(labels=[SimpleNamespace(text="cat"), SimpleNamespace(text="dog")])
        for name, answer in (
            ("space_of", lambda _library: "space" if space else None),
            ("active_vocabulary", lambda _session: words if tagged else None),
            ("segments_with", lambda _session: []),
            ("place_segments", lambda *_: [made_up(number) for number in range(len(keyframes))]),
            ("keyframe_reader", lambda _library: nullcontext(self)),
            ("read_sketch", lambda _session, number: self._stored(number)),
            ("choice_of", lambda _space: ModelChoice("own")),
            ("load_talking", lambda choice, _device: choice),
            ("SketchMaker", lambda choice, _settings: choice),
            ("_canny", lambda _maker, _targets, counts: ExamEntry("Canny", list(counts))),
        ):
            patch.setattr(sketch_exam, name, answer)

    def reading(self) -> Any:
        return nullcontext()

    def _stored(self, number: int) -> StoredSketch | None:
        count = self._sketches[number]
        return None if count is None else to_store(sketch(count, groups=("subject",) * count))

    def drawn(self, shown: SegmentPlace, frame_s: float | None) -> np.ndarray:
        assert frame_s is None
        if not self._keyframes[shown.segment_id]:
            raise KeyframeUnreadable("it is gone")
        return np.full((8, 8, 3), 90, np.uint8)

    def exam(self, *counts: int) -> Exam:
        library: Any = self
        exam, maker = exam_of_library(library, ModelFlags(), counts)
        assert maker == ModelChoice("own")
        return exam


def test_a_librarys_sketches_are_shown_beside_edges_and_their_first_strokes(monkeypatch):
    exam = Sketched(monkeypatch).exam(2, 3, 8)
    assert (exam.labels, exam.truth, exam.failed) == (["cat", "dog"], None, 0)
    assert [way.what for way in exam.ways] == ["sketch", "Canny", "first 2"]
    whole, canny, first = exam.ways
    assert [len(one) for one in whole.strokes] == [2, 4]
    assert [loss.semantic for loss in whole.losses] == [1.0, 1.0]
    assert canny.strokes == [2, 4]
    assert [len(one) for one in first.strokes] == [2, 2]
    assert [picture.shape for picture in exam.pictures] == [(224, 224, 3)] * 2


def test_segments_without_a_keyframe_or_a_sketch_by_now_are_left_out(monkeypatch, capsys):
    exam = Sketched(monkeypatch, keyframes=(True, False, True), sketches=(2, 2, None)).exam()
    assert (len(exam.pictures), exam.failed) == (1, 2)
    assert capsys.readouterr().err == "left out: segment 1: it is gone\n"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"tagged": False}, "kinodex tag"),
        ({"space": False}, "nothing is sketched in this library yet"),
        ({"keyframes": ()}, "nothing is sketched in this library yet"),
        ({"keyframes": (False,)}, "none of the keyframes of this library can be read"),
    ],
)
def test_a_library_that_cannot_be_examined_says_what_is_missing(monkeypatch, how, reason):
    with pytest.raises(KinodexError, match=reason):
        Sketched(monkeypatch, **how).exam()
