"""The vector index is a cache: stale, damaged or deleted, it comes level with the catalog."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from search.catalog.store import Store
from search.catalog.tables import Space
from search.vectors.segment_index import SegmentIndex
from tests.search.finding.test_engine import Shelf, axis
from tests.tiny import tiny_backbone


@pytest.fixture
def shelf(tmp_path: Path):
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
