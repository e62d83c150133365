"""Pages of segments by video and by tag; the map of what is alike."""

from pathlib import Path

import numpy as np
import pytest

from search.catalog.embeddings import normalised
from search.catalog.writing import mark_missing
from search.finding.browsing import by_tag, by_video, embedded
from search.finding.similarity_map import SimilarityMap
from search.tags.corrections import say
from search.tags.reading import UnknownLabel
from tests.search.finding.test_engine import Shelf, axis


@pytest.fixture
def shelf(library, backbone) -> Shelf:
    shelf = Shelf(library, backbone)
    shelf.put("/v/b.mp4", axis(0), axis(1), axis(2))
    shelf.put("/v/a.mp4", axis(3))
    shelf.put("/gone/c.mp4", axis(4))
    shelf.put("/v/d.mp4", axis(5), axis(6))
    with library.writing() as session:
        mark_missing(session, Path("/gone"), [])
    return shelf


@pytest.mark.parametrize(
    ("start", "count", "segments"),
    [(0, 10, [4, 1, 2, 3, 6, 7]), (0, 2, [4, 1]), (2, 2, [2, 3]), (3, 3, [3, 6, 7]), (9, 5, [])],
)
def test_pages_go_through_videos_by_path_and_time(shelf, library, start, count, segments):
    with library.reading() as session:
        page = by_video(session, start=start, count=count)
    assert ([place.segment_id for place in page.places], page.count) == (segments, 6)


def test_an_empty_library_has_an_empty_page(library):
    with library.reading() as session:
        assert by_video(session, start=0, count=5).count == 0
        assert embedded(session, most=9)[0].tolist() == []


def test_a_tag_has_its_segments_and_hides_what_is_missing(shelf, library):
    with library.writing() as session:
        for segment in (2, 5, 6):
            say(session, segment, "jumping", holds=True)
    with library.reading() as session:
        page = by_tag(session, "jumping", start=1, count=5)
        assert ([place.segment_id for place in page.places], page.count) == ([6], 2)
        with pytest.raises(UnknownLabel):
            by_tag(session, "flying", start=0, count=5)


def test_a_sample_of_a_large_library_is_spread_evenly(shelf, library):
    with library.reading() as session:
        ids, vectors = embedded(session, most=3)
        assert (ids.tolist(), vectors.shape) == ([1, 3, 7], (3, 24))
        assert vectors.tolist() == axis(0, 2, 6).tolist()
        assert embedded(session, most=6)[0].tolist() == [1, 2, 3, 4, 6, 7]
        assert embedded(session, most=99)[0].tolist() == [1, 2, 3, 4, 6, 7]


def test_every_segment_has_one_place_on_the_map():
    rng = np.random.default_rng(1)
    chart = SimilarityMap(np.arange(500) * 3, rng.normal(size=(500, 16)).astype(np.float16))
    cells = chart.cells(12, 8)
    assert len(cells) == 96
    assert sorted(np.concatenate([cell.members for cell in cells])) == list(range(0, 1500, 3))
    assert all(cell.segment in cell.members for cell in cells)
    assert max(len(cell.members) for cell in cells) - min(len(c.members) for c in cells) <= 2
    inside = chart.within(cells[5]).cells(12, 8)
    assert sorted(np.concatenate([c.members for c in inside])) == sorted(cells[5].members)


def test_the_map_goes_from_left_to_right_and_then_down():
    """Columns follow what differs most, rows what differs next."""
    across, down = np.meshgrid([-3.0, 0.0, 3.0], [-1.0, 1.0])
    vectors = np.stack([across.ravel(), down.ravel()], axis=1)
    shuffled = np.array([4, 0, 5, 2, 1, 3])
    cells = SimilarityMap(10 + shuffled, vectors[shuffled]).cells(12, 8)
    assert [(cell.number, cell.segment) for cell in cells] == [
        (number, 10 + number) for number in range(6)
    ]


def test_a_map_has_as_many_columns_as_its_cells_make_a_square():
    chart = SimilarityMap(np.arange(16), np.arange(16.0)[:, None])
    assert [cell.members.tolist() for cell in chart.cells(12, 1)] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 10, 11],
        [12, 13, 14, 15],
    ]
    assert len(chart.cells(3, 1)) == 3


def test_a_cell_shows_the_segment_that_is_nearest_to_the_mean_of_its_own():
    vectors = np.array([[0.6, 0.8], [0.8, 0.6], [0.96, 0.28]])
    [cell] = SimilarityMap(np.array([7, 8, 9]), vectors).cells(1, 1)
    assert (cell.segment, sorted(cell.members)) == (8, [7, 8, 9])


def test_segments_that_are_all_alike_lie_by_their_numbers():
    cells = SimilarityMap(np.array([9, 4, 7, 2]), np.ones((4, 3))).cells(2, 2)
    assert [cell.members.tolist() for cell in cells] == [[2], [7], [4], [9]]


def test_a_map_of_nothing_has_no_cells():
    assert SimilarityMap(np.zeros(0, np.int64), np.zeros((0, 8))).cells(12, 8) == []


def test_like_segments_lie_together():
    rng = np.random.default_rng(2)
    kinds = normalised(rng.normal(size=(4, 32)))
    vectors = normalised(np.repeat(kinds, 25, axis=0) + 0.05 * rng.normal(size=(100, 32)))
    cells = SimilarityMap(np.arange(100), vectors).cells(4, 4)
    mixed = [len({int(one) // 25 for one in cell.members}) for cell in cells]
    assert np.mean(mixed) < 2


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_a_small_library_has_a_map(count):
    cells = SimilarityMap(np.arange(count), np.eye(8)[:count]).cells(12, 8)
    assert len(cells) == count


@pytest.mark.parametrize("seed", range(6))
def test_a_map_has_the_same_left_and_right_whatever_the_mathematics_say(seed):
    direction = normalised(np.random.default_rng(seed).normal(size=(1, 16)))[0]
    direction *= np.sign(direction[np.abs(direction).argmax()])
    along = np.linspace(-1, 1, 60)
    across = 0.1 * np.sin(np.arange(60))[:, None] * np.eye(16)[np.abs(direction).argmin()]
    cells = SimilarityMap(np.arange(60), along[:, None] * direction + across).cells(4, 1)
    # What lies where the axis's largest entry is above zero is on the right.
    assert [sorted(cell.members) for cell in cells] == np.arange(60).reshape(4, 15).tolist()
