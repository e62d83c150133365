"""All segments as rows, a few at a time, and their embeddings as one array."""

from pathlib import Path

import numpy as np
import pytest

from search import segments
from search.catalog.store import EmptyLibrary
from search.catalog.tables import VideoPath
from search.catalog.writing import mark_missing, remove_paths
from search.segments import read_embeddings_of_all, read_segments
from tests.search.finding.test_engine import Shelf, axis


@pytest.fixture
def shelf(library, backbone, monkeypatch):
    monkeypatch.setattr(segments, "_ROWS_AT_ONCE", 2)
    monkeypatch.setattr(segments, "_EMBEDDINGS_AT_ONCE", 2)
    shelf = Shelf(library, backbone)
    for number in range(3):
        shelf.put(f"/w/{number}.mp4", axis(number), axis(number + 3))
    return shelf


def test_rows_come_by_number_whatever_is_read_at_once(shelf):
    rows = list(read_segments(shelf.library))
    assert [row.segment for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row.paths[0].name for row in rows[::2]] == ["0.mp4", "1.mp4", "2.mp4"]
    assert [(row.start_s, row.end_s) for row in rows[:2]] == [(0.0, 10.0), (10.0, 20.0)]
    assert [row.video for row in rows[:3]] == [
        "hash of /w/0.mp4", "hash of /w/0.mp4", "hash of /w/1.mp4"
    ]  # fmt: skip
    assert [int(row.embedding.argmax()) for row in rows] == [0, 3, 1, 4, 2, 5]


def test_rows_are_read_as_they_are_asked_for(shelf):
    rows = read_segments(shelf.library)
    assert next(rows).segment == 1
    with shelf.library.writing() as session:
        remove_paths(session, Path("/w/1.mp4"))
    shelf.put("/w/late.mp4", axis(9))
    assert [row.segment for row in rows] == [2, 5, 6, 7]


def test_what_is_missing_is_in_neither(shelf):
    with shelf.library.writing() as session:
        mark_missing(session, Path("/w"), seen=[Path("/w/0.mp4"), Path("/w/2.mp4")])
    ids, embeddings = read_embeddings_of_all(shelf.library)
    assert ids.tolist() == [row.segment for row in read_segments(shelf.library)] == [1, 2, 5, 6]
    assert embeddings.argmax(axis=1).tolist() == [0, 3, 2, 5]


def test_a_copy_is_another_path_of_the_same_rows(shelf):
    with shelf.library.writing() as session:
        copy = VideoPath(path=Path("/w/copy.mp4"), size_bytes=1, mtime_ns=1, video_id=1)
        session.add(copy)
    first = next(read_segments(shelf.library))
    assert [path.name for path in first.paths] == ["0.mp4", "copy.mp4"]
    assert len(read_embeddings_of_all(shelf.library)[0]) == 6


def test_where_no_video_is_present_the_array_has_no_rows(library, backbone):
    Shelf(library, backbone)
    ids, embeddings = read_embeddings_of_all(library)
    assert (ids.shape, embeddings.shape) == ((0,), (0, 24))
    assert (ids.dtype, embeddings.dtype) == (np.int64, np.float32)
    assert list(read_segments(library)) == []


def test_where_nothing_was_ever_indexed_it_is_said_at_once(library):
    for read in (read_segments, read_embeddings_of_all):
        with pytest.raises(EmptyLibrary):
            read(library)
