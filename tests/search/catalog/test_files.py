"""The files of a library, page by page."""

from pathlib import Path

import pytest
from sqlalchemy import update

from search.catalog.files import Shown, count_files, list_files
from search.catalog.tables import VideoPath, now
from search.catalog.writing import record_failure
from search.library import Library
from tests.search.finding.test_engine import Shelf, axis


@pytest.fixture
def listed(library: Library, backbone):
    """Lists files of a library of three indexed files, one that failed, and one that is away."""
    shelf = Shelf(library, backbone)
    shelf.put("/v/b.mp4", axis(0), axis(1))
    shelf.put("/v/a.mp4", axis(2))
    shelf.put("/v/c.mp4", axis(3))
    with library.writing() as session:
        failed = VideoPath(path=Path("/v/d.mp4"), size_bytes=7, mtime_ns=1)
        session.add(failed)
        session.flush()
        for reason in ("it is cut short", "it cannot be read"):
            record_failure(session, failed.id, stage="decode", reason=reason)
        away = update(VideoPath).where(VideoPath.path == Path("/v/c.mp4"))
        session.execute(away.values(missing_since=now()))

    def look(kind: Shown, start: int = 0, count: int = 10):
        with library.reading() as session:
            return list_files(session, kind, start=start, count=count)

    return look


def test_indexed_files_are_listed_by_path_with_their_segments(listed) -> None:
    files = listed(Shown.INDEXED)
    assert [(file.path.name, file.segments, file.first_segment) for file in files] == [
        ("a.mp4", 1, 3),
        ("b.mp4", 2, 1),
    ]
    assert [(file.duration_s, file.bad_frames, file.size_bytes) for file in files] == [
        (10.0, 0, 1),
        (20.0, 0, 1),
    ]
    assert (files[0].reason, files[0].attempts, files[0].missing_since) == (None, 0, None)


def test_pages_part_the_list(listed) -> None:
    pages = [listed(Shown.INDEXED, start, 1) for start in range(3)]
    assert [[file.path.name for file in page] for page in pages] == [["a.mp4"], ["b.mp4"], []]


def test_a_failed_file_tells_its_last_reason_and_how_often_it_was_tried(listed) -> None:
    [file] = listed(Shown.FAILED)
    assert (file.path.name, file.reason, file.attempts) == ("d.mp4", "it cannot be read", 2)
    assert (file.duration_s, file.bad_frames, file.segments, file.first_segment) == (
        None,
        0,
        0,
        None,
    )
    assert file.tried_at is not None


def test_a_failed_file_out_of_reach_is_listed_as_failed_alone(listed, library) -> None:
    with library.writing() as session:
        failed = update(VideoPath).where(VideoPath.path == Path("/v/d.mp4"))
        session.execute(failed.values(closed_since=now()))
    for kind, names in ((Shown.FAILED, ["d.mp4"]), (Shown.MISSING, ["c.mp4"])):
        assert [file.path.name for file in listed(kind)] == names


def test_a_file_that_is_away_is_of_no_other_kind(listed, library) -> None:
    [file] = listed(Shown.MISSING)
    assert (file.path.name, file.segments, file.missing_since is not None) == ("c.mp4", 1, True)
    with library.reading() as session:
        assert count_files(session) == {
            Shown.INDEXED: 2,
            Shown.WAITING: 0,
            Shown.FAILED: 1,
            Shown.MISSING: 1,
        }
