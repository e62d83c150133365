"""A library in numbers."""

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import update

from search.catalog.summary import failures, summarise
from search.catalog.tables import VideoPath, now
from search.catalog.writing import record_failure
from search.library import Library
from tests.search.finding.test_engine import Shelf, axis
from tests.search.planted import plant, tag


@pytest.fixture
def shelf(library: Library, backbone) -> Shelf:
    """Videos of two segments and of one; a file that failed, one that waits, one that is away."""
    shelf = Shelf(library, backbone)
    shelf.put("/v/two.mp4", axis(0), axis(9))
    shelf.put("/v/one.mp4", axis(1))
    with library.writing() as session:
        for name in ("broken", "waiting", "away"):
            session.add(VideoPath(path=Path(f"/v/{name}.mp4"), size_bytes=1, mtime_ns=1))
        session.flush()
        paths = {path.path.stem: path for path in session.query(VideoPath)}
        record_failure(session, paths["broken"].id, stage="decode", reason="it is cut short")
        away = update(VideoPath).where(VideoPath.id == paths["away"].id)
        session.execute(away.values(missing_since=now()))
    return shelf


def test_videos_segments_and_files_are_counted(library: Library, shelf: Shelf) -> None:
    found = summarise(library)

    assert (found.videos, found.segments) == (2, 3)
    assert found.hours == pytest.approx(30 / 3600)
    assert (found.indexed, found.waiting, found.failed, found.missing) == (2, 1, 1, 1)
    assert found.size_bytes == sum(f.stat().st_size for f in library.folder.rglob("*.*"))
    assert json.loads(json.dumps(found.as_json()))["folder"] == str(library.folder)


def test_a_segment_of_several_tags_is_one_tagged_segment(
    library: Library, shelf: Shelf, backbone
) -> None:
    shelf.put("/v/both.mp4", axis(0, 1))
    plant(library, backbone)
    assert (summarise(library).vocabulary, summarise(library).tagged) == ("mine", 0)
    tag(library, backbone)

    # Of four segments one lies along no label's axis.
    assert summarise(library).tagged == 3


def test_an_empty_library_is_all_zeros(library: Library) -> None:
    found = summarise(library)
    assert (found.videos, found.hours, found.segments, found.tagged, found.sketched) == (0,) * 5
    assert (found.model, found.head, found.vocabulary) == (None, None, None)


def test_failed_files_that_are_there_are_listed_with_their_reason(
    library: Library, shelf: Shelf
) -> None:
    [failure] = failures(library)

    assert (failure.path.name, failure.stage, failure.reason, failure.attempts) == (
        "broken.mp4",
        "decode",
        "it is cut short",
        1,
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", failure.as_json()["tried_at"])
    assert failure.as_json()["path"] == "/v/broken.mp4"
    with library.writing() as session:
        session.execute(update(VideoPath).values(missing_since=now()))
    assert failures(library) == []
