"""Naming a segment: by its number, or by a file and a time."""

from pathlib import Path

import pytest

from search.catalog.segment_reference import NoSuchSegment, find_segment, is_reference
from search.catalog.store import Store
from search.catalog.tables import VideoPath
from search.catalog.writing import mark_missing
from tests.search.finding.test_engine import Shelf, axis

ODD = ("/v/a@1:00.mp4", "/v/-x.mp4", "/v/new\nline.mp4", "/v/42")


@pytest.fixture
def segments(library, backbone) -> dict[str, list[int]]:
    """Two segments of ten seconds in each video."""
    shelf = Shelf(library, backbone)
    paths = ("/v/a.mp4", "/v/b.mp4", "/w/b.mp4", *ODD)
    made = {path: shelf.put(path, axis(0), axis(1)) for path in paths}
    shelf.put("/v/longer.mp4", axis(0), axis(1), axis(2))
    return made


def found(library: Store, text: str) -> int:
    with library.reading() as session:
        return find_segment(session, text)


@pytest.mark.parametrize(
    ("time", "position"),
    [("0", 0), ("0:00", 0), ("9.99", 0), ("10", 1), ("0:10.5", 1), ("0:00:20", 1), ("20", 1)],
)
def test_a_time_means_the_segment_that_is_shown_then(library, segments, time, position):
    assert found(library, f"/v/a.mp4@{time}") == segments["/v/a.mp4"][position]


def test_a_number_is_a_segments_own(library, segments):
    assert found(library, "3") == 3


def test_a_file_may_be_named_without_its_folder(library, segments):
    assert found(library, "a.mp4@0:12") == segments["/v/a.mp4"][1]
    with pytest.raises(NoSuchSegment, match=r"2 videos are named 'b\.mp4': give the whole path"):
        found(library, "b.mp4@1")
    assert found(library, "/w/b.mp4@1") == segments["/w/b.mp4"][0]


def test_a_file_is_found_from_the_folder_one_is_in(
    library, backbone, segments, tmp_path, monkeypatch
):
    (tmp_path / "here").mkdir()
    shelf = Shelf(library, backbone)
    [segment] = shelf.put(str(tmp_path / "here" / "b.mp4"), axis(0))
    monkeypatch.chdir(tmp_path / "here")
    assert found(library, "b.mp4@1") == segment


@pytest.mark.parametrize("path", ODD)
def test_odd_names_are_names(library, segments, path):
    assert found(library, f"{path}@0:11") == segments[path][1]


@pytest.mark.parametrize(
    "text",
    [
        "0", "99", "9" * 18, "9" * 19, "9" * 40, "-1", "", "@", "@1:00",
        "a.mp4", "a.mp4@", "a.mp4@x", "a.mp4@-1",
        "a.mp4@21", "a.mp4@1e3", "a.mp4@1:2:3:4", "a.mp4@nan", "²", "gone.mp4@1", "a.mp4@1 0",
        "' OR 1=1 --@1", "a.mp4@.", "a.mp4@1..2",
    ],
)  # fmt: skip
def test_what_names_no_segment_is_one_sentence(library, segments, text):
    with pytest.raises(NoSuchSegment):
        found(library, text)


def test_paths_that_are_not_indexed_are_no_videos(library, segments):
    with library.writing() as session:
        session.add(VideoPath(path=Path("/v/failed.mp4"), size_bytes=1, mtime_ns=1))
    with pytest.raises(NoSuchSegment, match="no indexed video"):
        found(library, "/v/failed.mp4@1")


def test_of_two_videos_of_a_name_the_one_that_is_there_is_meant(library, segments):
    with library.writing() as session:
        mark_missing(session, Path("/v"), [])
    assert found(library, "b.mp4@1") == segments["/w/b.mp4"][0]
    assert found(library, "/v/b.mp4@1") == segments["/v/b.mp4"][0]
    assert found(library, "a.mp4@1") == segments["/v/a.mp4"][0]  # there is no other


def test_an_accent_may_be_typed_in_either_of_its_two_spellings(library, backbone):
    [segment] = Shelf(library, backbone).put("/v/cafe\u0301.mp4", axis(0))
    for name in ("caf\u00e9.mp4", "cafe\u0301.mp4", "/v/caf\u00e9.mp4"):
        assert found(library, f"{name}@1") == segment


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("37", True), ("a.mp4@1:02", True), ("²", False), ("a dog", False), ("@1:02", False)],
)
def test_a_reference_has_the_form_of_one(text, is_one):
    assert is_reference(text) is is_one
