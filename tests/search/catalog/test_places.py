"""Where segments and videos lie now: several paths, missing ones, and more than SQLite takes."""

from pathlib import Path

import pytest

from search.catalog.places import (
    PresentVideo,
    count_videos,
    existing_first,
    in_chunks,
    place_segments,
    present_videos,
)
from search.catalog.tables import Segment, VideoPath
from search.catalog.writing import link_path, mark_missing, remove_paths
from search.tags.reading import tags_of
from tests.search.finding.test_engine import Shelf, axis

# More values than one statement of SQLite takes, none of them a segment's.
NUMEROUS = list(range(1_000_000, 1_040_000))


@pytest.fixture
def shelf(library, backbone) -> Shelf:
    """Segments 1 and 2 of b.mp4, 3 of c.mp4."""
    shelf = Shelf(library, backbone)
    shelf.put("/v/b.mp4", axis(0), axis(1))
    shelf.put("/w/c.mp4", axis(2))
    return shelf


def add_path(library, path: str, *, of_segment: int) -> None:
    with library.writing() as session:
        row = VideoPath(path=Path(path), size_bytes=1, mtime_ns=1)
        session.add(row)
        session.flush()
        link_path(session, row.id, session.get(Segment, of_segment).video_id)


def hide(library, folder: str) -> None:
    with library.writing() as session:
        mark_missing(session, Path(folder), [])


def test_a_place_says_where_a_segment_is_and_in_what(shelf, library):
    with library.reading() as session:
        [place] = place_segments(session, [2])
    assert (place.segment_id, place.path) == (2, Path("/v/b.mp4"))
    assert (place.start_s, place.end_s, place.keyframe_s) == (10.0, 20.0, 10.0)
    assert place.video == PresentVideo("hash of /v/b.mp4", 20.0, (Path("/v/b.mp4"),))


def test_an_empty_library_has_no_videos(library):
    with library.reading() as session:
        assert count_videos(session) == 0
        assert place_segments(session, [1]) == []


def test_of_several_paths_those_that_exist_come_first_and_keep_their_order(tmp_path):
    there = [tmp_path / "b.mp4", tmp_path / "a.mp4"]
    for path in there:
        path.touch()
    gone = [Path("/gone/b.mp4"), Path("/gone/a.mp4")]
    assert existing_first([gone[0], there[0], gone[1], there[1]]) == (*there, *gone)
    assert existing_first([gone[0], there[0]]) == (there[0], gone[0])
    assert existing_first(gone[:1]) == (gone[0],)
    assert existing_first([]) == ()


def test_the_order_is_the_one_asked_for(shelf, library):
    with library.reading() as session:
        assert [place.segment_id for place in place_segments(session, [3, 99, 1])] == [3, 1]


def test_paths_of_one_video_are_in_order_of_their_bytes(shelf, library):
    for path in ("/v/é.mp4", "/v/a.mp4", "/v/Z.mp4", "/u/z.mp4"):
        add_path(library, path, of_segment=1)
    with library.reading() as session:
        [place] = place_segments(session, [1])
    names = ["/u/z.mp4", "/v/Z.mp4", "/v/a.mp4", "/v/b.mp4", "/v/é.mp4"]
    assert [str(path) for path in place.video.paths] == names
    assert place.path == Path("/u/z.mp4")


def test_a_name_that_is_no_text_keeps_its_bytes(shelf, library):
    odd = "/v/\udcff.mp4"
    add_path(library, odd, of_segment=3)
    with library.reading() as session:
        assert str(place_segments(session, [3])[0].path) == odd


def test_a_missing_copy_is_no_place(shelf, library):
    add_path(library, "/gone/a.mp4", of_segment=1)
    hide(library, "/gone")
    with library.reading() as session:
        [place] = place_segments(session, [1])
    assert place.video.paths == (Path("/v/b.mp4"),)


def test_a_video_without_a_present_path_is_nowhere(shelf, library):
    hide(library, "/w")
    with library.reading() as session:
        assert place_segments(session, [3]) == []
        assert list(present_videos(session, [1, 2])) == [1]
        assert count_videos(session) == 1


def test_copies_count_as_one_video_and_files_without_one_do_not_count(shelf, library):
    add_path(library, "/v/copy.mp4", of_segment=1)
    with library.writing() as session:
        session.add(VideoPath(path=Path("/v/waiting.mp4"), size_bytes=1, mtime_ns=1))
    with library.reading() as session:
        assert count_videos(session) == 2


def test_a_removed_video_is_nowhere(shelf, library):
    with library.writing() as session:
        remove_paths(session, Path("/v"))
    with library.reading() as session:
        assert [place.segment_id for place in place_segments(session, [1, 2, 3])] == [3]


def test_more_values_than_one_statement_takes_are_asked_in_chunks(shelf, library):
    with library.reading() as session:
        places = place_segments(session, [3, *NUMEROUS, 1])
        assert [place.segment_id for place in places] == [3, 1]
        assert set(present_videos(session, [2, *NUMEROUS, 1])) == {1, 2}
        assert tags_of(session, [1, *NUMEROUS])[NUMEROUS[-1]] == ()


@pytest.mark.parametrize("count", [0, 1, 32_767, 40_000])
def test_chunks_are_all_of_the_values_in_their_order(count):
    chunks = list(in_chunks(NUMEROUS[:count]))
    assert [one for chunk in chunks for one in chunk] == NUMEROUS[:count]
    assert all(1 <= len(chunk) <= 32_766 for chunk in chunks)
