"""Folders that are asked for, and which of a video's places is told first."""

import time
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from search.catalog.tables import Video, VideoPath
from search.finding.filters import AskedFolders, VideoFacts, _recorded_s, asked_first
from search.finding.hits import Hit, Why
from search.queries.query import Filters
from tests.search.planted import VIDEO_ROW


@pytest.mark.parametrize(
    ("asked", "path", "holds"),
    [
        ("/v", "/v/a.mp4", True),
        ("/v", "/v/deep/a.mp4", True),
        ("/v", "/videos/a.mp4", False),
        ("/v/a.mp4", "/v/a.mp4", True),
        ("/v/a.mp4", "/v/b.mp4", False),
        ("deep", "/v/deep/a.mp4", True),
        ("deep", "/v/deep/er/a.mp4", True),
        ("deep", "/v/deep.mp4", False),
        ("deep", "/v/deeper/a.mp4", False),
        ("deep/er", "/v/deep/er/a.mp4", True),
        ("deep/er", "/v/er/deep/a.mp4", False),
    ],
)
def test_a_folder_is_a_place_or_a_name_on_the_way(asked, path, holds):
    assert AskedFolders.of([asked]).hold_file(Path(path)) is holds
    assert AskedFolders.of(["/elsewhere", asked]).hold_file(Path(path)) is holds


@pytest.fixture
def hit(tmp_path: Path) -> Hit:
    """A video at three places, of which the last two are there."""
    paths = [tmp_path / name / "a.mp4" for name in ("gone", "here", "asked")]
    for path in paths[1:]:
        path.parent.mkdir()
        path.touch()
    return Hit(1, 0, 1, 0, 0.5, None, Why(0.5, 0.5), (), video="hash", paths=tuple(paths))


def first(hit: Hit, *folders: str) -> list[str]:
    [ordered] = asked_first([hit], Filters(folders=folders))
    return [path.parent.name for path in ordered.paths]


def test_places_that_were_asked_for_come_before_others(hit):
    assert first(hit, "asked") == ["asked", "here", "gone"]
    assert first(hit, "here") == ["here", "asked", "gone"]


def test_a_place_that_is_gone_comes_last_even_if_it_was_asked_for(hit):
    assert first(hit, "gone") == ["here", "asked", "gone"]


def test_of_two_places_the_one_that_was_asked_for_comes_first(hit):
    both = replace(hit, paths=hit.paths[1:])
    assert first(both, "asked") == ["asked", "here"]
    assert first(both, "here") == ["here", "asked"]


def test_where_no_folder_was_asked_for_places_stay_in_their_order(hit):
    assert first(hit) == ["gone", "here", "asked"]
    alone = replace(hit, paths=hit.paths[:1])
    assert first(alone, "asked") == ["gone"]


@pytest.fixture
def facts() -> VideoFacts:
    """Three videos, the second of them at two places of which each has its own date."""
    return VideoFacts(
        videos=np.array([7, 5, 6, 5]),
        lengths_s=np.array([10.0, 20.0, 30.0, 20.0]),
        recorded_s=86_400.0 * np.array([1, 2, 3, 9]),
        paths=[Path("/v/7.mp4"), Path("/v/deep/5.mp4"), Path("/w"), Path("/w/5.mp4")],
        folders={
            Path("/v"): np.array([0]),
            Path("/v/deep"): np.array([1]),
            Path("/"): np.array([2]),
            Path("/w"): np.array([3]),
        },
    )


@pytest.mark.parametrize(
    ("filters", "videos"),
    [
        (Filters(), [5, 6, 7]),
        (Filters(min_length_s=20.0), [5, 6]),
        (Filters(min_length_s=20.1), [6]),
        (Filters(max_length_s=20.0), [5, 7]),
        (Filters(max_length_s=19.9), [7]),
        (Filters(min_length_s=15.0, max_length_s=25.0), [5]),
        (Filters(after=date(1970, 1, 4)), [5, 6]),
        (Filters(after=date(1970, 1, 5)), [5]),
        (Filters(before=date(1970, 1, 4)), [5, 7]),
        (Filters(before=date(1970, 1, 5)), [5, 6, 7]),
        (Filters(after=date(1970, 1, 4), before=date(1970, 1, 5)), [6]),
        (Filters(folders=("/v",)), [5, 7]),
        (Filters(folders=("/v/7.mp4",)), [7]),
        (Filters(folders=("/v/9.mp4",)), []),
        (Filters(folders=("deep",), max_length_s=15.0), []),
        (Filters(folders=("/w",)), [5]),  # a folder comes before a file of its name
        (Filters(folders=("/w/5.mp4", "/v/7.mp4")), [5, 7]),
    ],
)
def test_videos_pass_by_length_date_and_folder(facts, filters, videos):
    assert facts.passing(filters).tolist() == videos


def test_dates_are_seconds_of_the_clock_that_was_seen(library, monkeypatch):
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    time.tzset()
    try:
        with library.writing() as session:
            for number, recorded_at in ((1, datetime(1970, 1, 2)), (2, None)):
                session.add(
                    Video(id=number, recorded_at=recorded_at, **VIDEO_ROW, content_hash=f"{number}")
                )
                session.flush()
                path = Path(f"/v/{number}.mp4")
                session.add(
                    VideoPath(path=path, size_bytes=1, mtime_ns=10**9 * 28_800, video_id=number)
                )
            session.flush()
            facts = VideoFacts.read(session)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert facts.recorded_s.tolist() == [86_400.0, 0.0]  # there the clock stood 8 hours back
    assert facts.lengths_s.tolist() == [8.0, 8.0]
    assert {folder: places.tolist() for folder, places in facts.folders.items()} == {
        Path("/v"): [0, 1]
    }


@pytest.mark.parametrize("mtime_ns", [10**30, -(10**30)])
def test_a_file_of_a_time_that_no_calendar_has_counts_by_the_number(mtime_ns):
    assert _recorded_s(None, mtime_ns) == mtime_ns / 1e9
