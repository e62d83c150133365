"""What no file holds any more is counted, kept for its time, and then purged with all of it."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from search.catalog.keeping import Unheld, count_unheld, note_unheld, purge_unheld
from search.catalog.spaces import active_space
from search.catalog.summary import summarise
from search.catalog.tables import Segment, Video, VideoPath, now
from search.catalog.writing import hold, mark_missing, remove_paths
from tests.search.finding.test_engine import Shelf, axis


@pytest.fixture
def shelf(library, backbone) -> Shelf:
    """Videos of twenty seconds and of ten."""
    shelf = Shelf(library, backbone)
    shelf.put("/v/a.mp4", axis(0), axis(1))
    shelf.put("/v/b.mp4", axis(2))
    return shelf


def orphaned(library) -> list[int]:
    with library.reading() as session:
        held = Video.orphaned_since.is_not(None)
        return list(session.scalars(select(Video.id).where(held).order_by(Video.id)))


def revision(library) -> int:
    with library.reading() as session:
        return active_space(session).revision


def test_a_removed_file_leaves_what_was_encoded_of_it(library, shelf):
    with library.writing() as session:
        assert count_unheld(session) == Unheld(0, 0.0)
        remove_paths(session, Path("/v/a.mp4"))
        assert count_unheld(session) == Unheld(1, 20.0)
    assert orphaned(library) == [1]
    found = summarise(library)
    assert (found.kept, found.videos, found.segments) == (1, 1, 1)


def test_a_missing_file_holds_its_video_still(library, shelf):
    with library.writing() as session:
        mark_missing(session, Path("/v"), [])
    assert orphaned(library) == []


def test_a_video_is_held_again_when_another_path_has_it(library, shelf):
    with library.writing() as session:
        remove_paths(session, Path("/v/a.mp4"))
        other = VideoPath(path=Path("/w/a.mp4"), size_bytes=1, mtime_ns=1)
        session.add(other)
        session.flush()
        hold(session, other.id, 1)
    assert orphaned(library) == []
    with library.writing() as session:
        hold(session, other.id, None)
    assert orphaned(library) == [1]


def test_how_long_nothing_has_held_a_video_does_not_begin_anew(library, shelf):
    begun = now() - timedelta(days=3)
    with library.writing() as session:
        remove_paths(session, Path("/v"))
        session.execute(update(Video).where(Video.id == 1).values(orphaned_since=begun))
        note_unheld(session)
        assert session.get(Video, 1).orphaned_since == begun


def test_what_a_killed_run_left_is_noted(library, shelf):
    with library.writing() as session:
        session.execute(update(VideoPath).where(VideoPath.id == 2).values(video_id=None))
        note_unheld(session)
    assert orphaned(library) == [2]


@pytest.mark.parametrize(("days", "purged"), [(2.9, [1]), (3.1, [])])
def test_only_what_was_kept_for_its_time_is_purged(library, shelf, days, purged):
    with library.writing() as session:
        remove_paths(session, Path("/v"))
        since = now() - timedelta(days=3)
        session.execute(update(Video).where(Video.id == 1).values(orphaned_since=since))
    before = revision(library)
    with library.writing() as session:
        found, segments = purge_unheld(session, days=days)
    assert found == (Unheld(1, 20.0) if purged else Unheld(0, 0.0))
    assert segments == ([1, 2] if purged else [])
    with library.reading() as session:
        assert session.scalars(select(Segment.id)).all() == ([3] if purged else [1, 2, 3])
    assert revision(library) == before + len(purged)
