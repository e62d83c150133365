"""Naming a segment: by its number, or by a file and a time."""

from pathlib import Path

import pytest

from search.catalog.segment_reference import NoSuchSegment, find_segment
from search.catalog.store import Store
from search.catalog.tables import VideoPath
from tests.search.finding.test_engine import Shelf, axis

ODD = ("/v/a@1:00.mp4", "/v/-x.mp4", "/v/new\nline.mp4", "/v/42")


@pytest.fixture
def segments(library, backbone) -> dict[str, list[int]]:
    """Two segments of ten seconds in each video."""
    shelf = Shelf(library, backbone)
    paths = ("/v/a.mp4", "/v/b.mp4", "/w/b.mp4", *ODD)
    return {path: shelf.put(path, axis(0), axis(1)) for path in paths}


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
        "0", "99", "9" * 40, "-1", "", "@", "@1:00", "a.mp4", "a.mp4@", "a.mp4@x", "a.mp4@-1",
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
