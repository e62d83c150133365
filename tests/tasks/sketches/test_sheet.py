"""What contact sheets say, and into which files they go."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.errors import KinodexError
from search.catalog.places import SegmentPlace
from search.catalog.store import Store
from search.export.cuts import Cut
from search.finding.hits import Moment, Why
from tasks.sketches import sheet
from tasks.sketches.records import to_store
from tasks.sketches.request import SheetRequest
from tasks.sketches.sheet import caption_of, write_sheets
from tests.tasks.sketches.drawings import place, sketch


def cut(match: float | None) -> Cut:
    moment = Moment(7, 10.0, 14.0, 62.0, 0.3217, match, Why(0.3, 0.3), ())
    return Cut(3, Path("/v/a\ncat.mp4"), 10.0, 14.0, 25.0, 100.0, moment)


def test_a_moment_is_told_by_rank_file_time_and_score():
    assert caption_of(cut(None)) == r"3. a\ncat.mp4 1:02.0, score 0.322"
    assert caption_of(cut(0.876)) == r"3. a\ncat.mp4 1:02.0, score 0.322, match 88 %"
    assert caption_of(cut(0.0)) == r"3. a\ncat.mp4 1:02.0, score 0.322, match 0 %"


@pytest.fixture
def library(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "library", create=True)


@pytest.mark.parametrize(("name", "form"), [("s.png", "PNG"), ("s.PNG", "PNG"), ("s.jpg", "JPEG")])
def test_pages_after_the_first_are_numbered_and_of_the_form_of_their_ending(
    library, tmp_path, monkeypatch, name, form
):
    pages = [Image.fromarray(np.zeros((4, 4, 3), np.uint8))] * 3
    told: list[tuple[list[str], int, bool]] = []

    def contact_sheet(items, *, layout):
        told.append(([item.caption for item in items], layout.columns, layout.photographs))
        return iter(pages)

    monkeypatch.setattr(sheet, "contact_sheet", contact_sheet)
    monkeypatch.setattr(sheet, "segments_with", lambda _session: [7])
    monkeypatch.setattr(sheet, "place_segments", lambda _session, _numbers: [place()])
    monkeypatch.setattr(sheet, "_picture", lambda _reader, _place, _stored: None)
    ending = name.partition(".")[2]
    files = write_sheets(library, SheetRequest(tmp_path / name, with_keyframes=True))
    assert [file.name for file in files] == [name, f"s-2.{ending}", f"s-3.{ending}"]
    for file in files:
        with Image.open(file) as picture:
            assert picture.format == form
    write_sheets(library, SheetRequest(tmp_path / name, with_keyframes=False))
    assert [one[0] for one in told] == [["a cat.mp4 0:12.0"]] * 2
    assert told[0][1:] == (3, True)
    assert (told[1][1] > 3, told[1][2]) == (True, False)


def test_beside_a_sketch_stands_the_picture_that_was_drawn():
    asked = []

    class Reader:
        def drawn(self, shown: SegmentPlace, frame_s: float | None) -> np.ndarray:
            asked.append((shown, frame_s))
            return np.zeros((2, 2, 3), np.uint8)

    reader: Any = Reader()
    for stored in (None, to_store(sketch()), to_store(sketch(), frame_s=12.6)):
        assert sheet._picture(reader, place(), stored).shape == (2, 2, 3)
    assert asked == [(place(), None), (place(), None), (place(), 12.6)]


def test_nothing_that_is_sketched_is_an_error(library, tmp_path):
    with pytest.raises(KinodexError, match="there is no contact sheet"):
        write_sheets(library, SheetRequest(tmp_path / "s.png", with_keyframes=False))
