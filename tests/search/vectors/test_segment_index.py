"""The vector index is a cache: stale, damaged or deleted, it comes level with the catalog."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, update

from search.catalog.spaces import bump_revision
from search.catalog.store import Store
from search.catalog.tables import Space, VideoPath, now
from search.vectors.segment_columns import SegmentColumns
from search.vectors.segment_index import SegmentIndex
from tests.search.finding.test_engine import Shelf, axis
from tests.tiny import tiny_backbone


@pytest.fixture
def shelf(tmp_path: Path, indexed_in_files):
    with Store.open(tmp_path / "library", create=True) as library:
        shelf = Shelf(library, tiny_backbone())
        for number in range(6):
            shelf.put(f"/v/{number}.mp4", axis(number))
        yield shelf


def opened(shelf: Shelf) -> SegmentIndex:
    with shelf.library.reading() as session:
        index = SegmentIndex(shelf.library, session.scalar(select(Space)))
    index.refresh()
    return index


def nearest(index: SegmentIndex, number: int) -> int:
    return int(index.nearest(axis(number)[0], 1).ids[0])


def files(shelf: Shelf) -> list[Path]:
    return [file for file in shelf.library.vectors_folder.rglob("*") if file.is_file()]


def test_is_built_from_the_catalog_alone(shelf):
    index = opened(shelf)
    assert len(index) == 6
    assert [nearest(index, number) for number in range(6)] == [1, 2, 3, 4, 5, 6]
    assert files(shelf) == []


def test_a_saved_index_takes_up_what_came_and_went_since(shelf):
    opened(shelf).save()
    shelf.put("/v/new.mp4", axis(10))
    with shelf.library.writing() as session:
        from search.catalog.writing import remove_paths

        remove_paths(session, Path("/v/0.mp4"))
    index = opened(shelf)
    assert len(index) == 6
    assert nearest(index, 10) == 7
    assert 1 not in index.nearest(axis(0)[0], 6).ids


def test_a_level_file_is_used_as_it_is(shelf, monkeypatch):
    opened(shelf).save()

    def never(*_: object) -> None:
        raise AssertionError("the catalog's vectors were read again")

    monkeypatch.setattr(SegmentIndex, "_catch_up", never)
    assert len(opened(shelf)) == 6


@pytest.mark.parametrize("damage", ["truncate", "flip", "delete", "swap"])
def test_a_damaged_file_is_rebuilt(shelf, damage):
    opened(shelf).save()
    target = max(files(shelf), key=lambda file: file.stat().st_size)
    content = bytearray(target.read_bytes())
    match damage:
        case "truncate":
            target.write_bytes(content[: len(content) // 2])
        case "flip":
            content[len(content) // 2] ^= 255
            target.write_bytes(content)
        case "delete":
            target.unlink()
        case "swap":
            target.write_bytes(b"not an index at all")
    index = opened(shelf)
    assert [nearest(index, number) for number in range(6)] == [1, 2, 3, 4, 5, 6]


def test_a_catalog_restored_from_a_copy_is_believed_over_the_file(shelf):
    opened(shelf).save()
    with shelf.library.writing() as session:
        from search.catalog.tables import SegmentEmbedding

        session.delete(session.get(SegmentEmbedding, (1, 3)))  # without a new revision
    index = opened(shelf)
    assert len(index) == 5
    assert 3 not in index.nearest(axis(2)[0], 5).ids


def test_ids_of_deleted_segments_are_never_given_again(shelf):
    from search.catalog.writing import remove_paths

    with shelf.library.writing() as session:
        remove_paths(session, Path("/v"))
    assert shelf.put("/v/new.mp4", axis(0)) == [7]
    assert np.array_equal(opened(shelf).nearest(axis(0)[0], 5).ids, [7])


def test_many_threads_may_find_it_stale_at_once(shelf):
    index = opened(shelf)
    for number in range(6, 20):
        shelf.put(f"/v/{number}.mp4", axis(number))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: index.refresh(), range(8)))
    assert len(index) == 20


def test_cosines_are_those_of_the_segments_asked_for_in_their_order(shelf):
    index = opened(shelf)
    query = 0.6 * axis(1)[0] + 0.8 * axis(4)[0]
    assert index.cosines(query, np.array([5, 1, 2])).tolist() == pytest.approx(
        [0.8, 0, 0.6], abs=1e-3
    )
    assert index.cosines(query, np.array([99, 5])).tolist() == pytest.approx([-1, 0.8], abs=1e-3)
    assert index.cosines(query, np.array([99])).tolist() == [-1]
    assert index.cosines(query, np.array([], np.int64)).tolist() == []


@pytest.mark.parametrize(("unsaved", "saves"), [(1_000, 0), (1_001, 1)])
def test_more_than_a_thousand_changes_are_saved(shelf, monkeypatch, unsaved, saves):
    index, saved = opened(shelf), []
    monkeypatch.setattr(index, "save", lambda: saved.append(index._unsaved))
    index._unsaved, index.revision = unsaved, -1
    index.refresh()
    assert saved == [unsaved] * saves


def test_a_reader_that_has_taken_up_much_saves_it(shelf, monkeypatch):
    monkeypatch.setattr("search.vectors.segment_index._SAVE_AFTER", 5)
    opened(shelf)
    assert files(shelf) != []
    shelf.put("/v/more.mp4", *[axis(number) for number in range(5)])
    before = {file.name for file in files(shelf)}
    opened(shelf)
    assert {file.name for file in files(shelf)} == before  # five changes are not worth it
    shelf.put("/v/one more.mp4", axis(6))
    opened(shelf)
    assert {file.name for file in files(shelf)} != before


def test_a_small_library_is_compared_whole_and_stored_in_no_file(shelf, monkeypatch):
    monkeypatch.setattr("search.vectors.segment_index._SMALL", 7)
    index = opened(shelf)
    index.save()
    assert files(shelf) == []
    assert [nearest(index, number) for number in range(6)] == [1, 2, 3, 4, 5, 6]
    for number in (6, 7):  # now it is no small one any more
        shelf.put(f"/v/{number}.mp4", axis(number))
    index.refresh()
    assert [nearest(index, number) for number in range(8)] == [1, 2, 3, 4, 5, 6, 7, 8]
    index.save()
    assert len(files(shelf)) == 2
    assert [nearest(opened(shelf), number) for number in range(8)] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_what_is_away_is_not_shown_and_comes_back(shelf):
    index = opened(shelf)
    set_missing(shelf, "/v/2.mp4", now())
    index.refresh()
    assert (len(index), index.visible().tolist()) == (5, [1, 2, 4, 5, 6])
    assert index.nearest(axis(2)[0], 6).ids.tolist().count(3) == 0
    assert index.nearest(axis(2)[0], 6, among=np.array([2, 3])).ids.tolist() == [2]
    set_missing(shelf, "/v/2.mp4", None)
    index.refresh()
    assert (len(index), nearest(index, 2)) == (6, 3)


def test_a_sample_is_spread_over_the_library_and_read_again_when_a_tenth_has_come(
    shelf, monkeypatch
):
    monkeypatch.setattr("search.vectors.segment_index._SAMPLED", 3)
    for number in range(6, 20):
        shelf.put(f"/v/{number}.mp4", axis(number))
    index = opened(shelf)
    assert index.sample().argmax(axis=1).tolist() == [0, 9, 19]
    for number in (20, 21, 22):
        assert index.sample().argmax(axis=1).tolist() == [0, 9, 19]
        shelf.put(f"/v/{number}.mp4", axis(number))
        index.refresh()
    assert index.sample().argmax(axis=1).tolist() == [0, 11, 22]


def test_columns_know_where_segments_stand_and_whose_they_are(shelf):
    more = shelf.put("/v/three.mp4", axis(6), axis(7), axis(8))
    columns = opened(shelf).columns
    assert columns.ids.tolist() == [1, 2, 3, 4, 5, 6, *more]
    assert columns.ids[columns.places(np.array([8, 2, 99, 7]))].tolist() == [8, 2, 7]
    assert columns.of_videos(np.array([7, 2, 99])).tolist() == [2, *more]
    assert columns.starts_s[-3:].tolist() == [0.0, 10.0, 20.0]
    assert columns.ends_s[-3:].tolist() == [10.0, 20.0, 30.0]


def test_columns_of_an_empty_library_hold_nothing():
    columns = SegmentColumns.empty()
    assert columns.places(np.array([1])).tolist() == []
    assert columns.of_videos(np.array([1])).tolist() == []


def set_missing(shelf: Shelf, path: str, since: datetime | None) -> None:
    with shelf.library.writing() as session:
        gone = update(VideoPath).where(VideoPath.path == Path(path))
        session.execute(gone.values(missing_since=since))
        bump_revision(session)


def test_an_empty_library_has_an_empty_sample(tmp_path):
    with Store.open(tmp_path / "library", create=True) as library:
        index = opened(Shelf(library, tiny_backbone()))
        assert index.sample().shape == (0, 24)
        assert (len(index), index.visible().tolist()) == (0, [])
