"""What every vector index must do, run over every kind."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from search.vectors import VectorIndex
from search.vectors.array_index import ArrayIndex
from search.vectors.faiss_index import FaissIndex

DIM = 24

MakeIndex = Callable[[], VectorIndex]


@pytest.fixture(params=["array", "flat", "ivf"])
def make_index(request: pytest.FixtureRequest) -> MakeIndex:
    if request.param == "array":
        return lambda: ArrayIndex(DIM)
    return lambda: FaissIndex(DIM, kind=request.param)


def axis(*numbers: int) -> np.ndarray:
    """Unit vectors along these axes."""
    return np.eye(DIM, dtype=np.float32)[list(numbers)]


def random_vectors(count: int, seed: int = 0) -> np.ndarray:
    """Unit vectors of float16 values, in loose groups."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((50, DIM))
    vectors = centres[random.integers(0, 50, count)] + random.standard_normal((count, DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float16).astype(np.float32)


def test_nearest_vector_comes_first_with_its_cosine(make_index: MakeIndex) -> None:
    index = make_index()
    index.add(np.array([7, 5]), axis(0, 1))
    query = 0.6 * axis(0)[0] + 0.8 * axis(1)[0]

    found = index.search(query, 2)

    assert found.ids.tolist() == [5, 7]
    assert found.scores.tolist() == pytest.approx([0.8, 0.6])


def test_empty_index_finds_nothing(make_index: MakeIndex) -> None:
    index = make_index()

    assert len(index) == 0
    assert index.ids().tolist() == []
    assert index.search(axis(0)[0], 10).ids.tolist() == []
    assert index.search(axis(0)[0], 10, among=np.array([1, 2])).ids.tolist() == []
    assert index.remove(np.array([1])) == 0


def test_k_above_the_count_gives_every_vector_once(make_index: MakeIndex) -> None:
    index = make_index()
    index.add(np.arange(3000), random_vectors(3000))

    found = index.search(axis(3)[0], 10_000)

    assert sorted(found.ids.tolist()) == list(range(3000))
    assert (np.diff(found.scores) <= 0).all()


def test_ids_are_sorted_and_may_be_large(make_index: MakeIndex) -> None:
    index = make_index()
    index.add(np.array([2**62, 0, 2**40]), axis(0, 1, 2))

    assert index.ids().tolist() == [0, 2**40, 2**62]
    assert index.search(axis(0)[0], 1).ids.tolist() == [2**62]


def test_changing_the_returned_ids_does_not_change_the_index(make_index: MakeIndex) -> None:
    index = make_index()
    index.add(np.array([1, 2]), axis(0, 1))

    index.ids()[:] = 9

    assert index.ids().tolist() == [1, 2]


def test_equal_scores_come_in_order_of_id_even_at_the_cut(make_index: MakeIndex) -> None:
    index = make_index()
    ids = np.random.default_rng(1).permutation(2000)
    same = ids % 20 == 3
    vectors = random_vectors(2000)
    vectors[same] = axis(0)[0]
    index.add(ids, vectors)

    unfiltered = index.search(axis(0)[0], 30)
    filtered = index.search(axis(0)[0], 30, among=np.arange(0, 2000))

    assert unfiltered.ids.tolist() == list(range(3, 603, 20))
    assert filtered.ids.tolist() == list(range(3, 603, 20))


def test_a_score_does_not_depend_on_filter_or_place(make_index: MakeIndex) -> None:
    index = make_index()
    index.add(np.arange(3000), random_vectors(3000))
    query = random_vectors(1, seed=9)[0]
    found = index.search(query, 100)
    score_of = dict(zip(found.ids.tolist(), found.scores.tolist(), strict=True))

    for id_, score in score_of.items():
        alone = index.search(query, 1, among=np.array([id_]))
        assert alone.scores.tolist() == [score]


def test_removed_vectors_are_not_found(make_index: MakeIndex) -> None:
    index = make_index()
    index.add(np.arange(3000), random_vectors(3000))
    query = random_vectors(3000)[77]
    first = index.search(query, 5).ids

    assert index.remove(np.concatenate([first, [999_999]])) == 5

    assert len(index) == 2995
    assert not np.isin(first, index.ids()).any()
    assert not np.isin(first, index.search(query, 100).ids).any()
    assert index.search(query, 5, among=first).ids.tolist() == []


def test_everything_can_be_removed_and_added_again(make_index: MakeIndex) -> None:
    index = make_index()
    index.add(np.array([1, 2]), axis(0, 1))
    index.remove(np.array([2, 1, 1]))
    assert len(index) == 0

    index.add(np.array([3]), axis(2))

    assert index.search(axis(0)[0], 5).ids.tolist() == [3]


@pytest.mark.parametrize("allowed_count", [1, 150, 700, 2500])
def test_as_many_results_come_back_as_the_filter_allows(
    make_index: MakeIndex, allowed_count: int
) -> None:
    index = make_index()
    vectors = random_vectors(3000)
    index.add(np.arange(3000), vectors)
    query = vectors[0]
    # The worst of filters: it allows what is furthest from the query.
    among = np.sort(np.argsort(vectors @ query)[:allowed_count])

    found = index.search(query, 200, among=among)

    assert len(found) == min(200, allowed_count)
    assert np.isin(found.ids, among).all()
    assert len(np.unique(found.ids)) == len(found)


def test_wide_filter_that_allows_nothing_near_the_query_still_gives_k(
    make_index: MakeIndex,
) -> None:
    index = make_index()
    near_or_far = np.where(np.arange(3000) < 1500, 1, -1)[:, None]
    vectors = near_or_far * axis(0) + 0.3 * random_vectors(3000)
    index.add(np.arange(3000), vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    found = index.search(axis(0)[0], 20, among=np.arange(1500, 3000))

    assert len(found) == 20
    assert found.ids.min() >= 1500


def test_unknown_and_repeated_ids_in_a_filter_are_no_error(make_index: MakeIndex) -> None:
    index = make_index()
    index.add(np.array([1, 2, 3]), axis(0, 1, 2))

    found = index.search(axis(0)[0], 5, among=np.array([9, 3, 3, 2, 2**50]))

    assert found.ids.tolist() == [2, 3]


def test_adding_a_known_id_is_refused_and_adds_nothing(make_index: MakeIndex) -> None:
    index = make_index()
    index.add(np.array([1]), axis(0))

    with pytest.raises(ValueError, match="1 ids are in the index already, the first is 1"):
        index.add(np.array([2, 1]), axis(1, 2))
    with pytest.raises(ValueError, match="an id was given twice"):
        index.add(np.array([5, 5]), axis(1, 2))

    assert index.ids().tolist() == [1]


@pytest.mark.parametrize(
    ("ids", "vectors", "message"),
    [
        ([1], np.ones((1, 5)), r"shape \(1, 24\), not \(1, 5\)"),
        ([1, 2], np.ones((1, DIM)), r"shape \(2, 24\), not \(1, 24\)"),
        ([-1], axis(0), "negative"),
        ([0.5], axis(0), "integers"),
        ([4], 3 * axis(0), "the vector of id 4 has length 3, not 1"),
        ([4], 0 * axis(0), "length 0"),
        ([4], np.nan * axis(0), "length nan"),
    ],
)
def test_wrong_vectors_are_refused(
    make_index: MakeIndex, ids: list[int], vectors: np.ndarray, message: str
) -> None:
    index = make_index()

    with pytest.raises(ValueError, match=message):
        index.add(np.array(ids), vectors)

    assert len(index) == 0


def test_wrong_queries_are_refused(make_index: MakeIndex) -> None:
    index = make_index()
    index.add(np.array([1]), axis(0))

    with pytest.raises(ValueError, match=r"shape \(24,\), not \(5,\)"):
        index.search(np.ones(5, dtype=np.float32), 1)
    with pytest.raises(ValueError, match="finite"):
        index.search(np.full(DIM, np.inf, dtype=np.float32), 1)
    with pytest.raises(ValueError, match="k must be at least 1, not 0"):
        index.search(axis(0)[0], 0)


def test_adding_nothing_changes_nothing(make_index: MakeIndex) -> None:
    index = make_index()

    index.add(np.array([], dtype=np.int64), np.empty((0, DIM), dtype=np.float32))

    assert len(index) == 0


def test_searching_while_another_thread_changes_the_index(make_index: MakeIndex) -> None:
    index = make_index()
    index.add(np.arange(1000), random_vectors(1000))
    query = random_vectors(1, seed=9)[0]

    with ThreadPoolExecutor(2) as pool:
        searches = [pool.submit(index.search, query, 5000) for _ in range(200)]
        for start in range(1000, 3000, 100):
            index.add(np.arange(start, start + 100), random_vectors(100, seed=start))
            index.remove(np.arange(start, start + 50))

    for search in searches:
        found = search.result()
        assert len(found) >= 1000
        assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
    assert len(index) == 2000


@pytest.mark.parametrize("seed", range(4))
def test_random_changes_and_searches_agree_with_brute_force(
    make_index: MakeIndex, seed: int
) -> None:
    random = np.random.default_rng(seed)
    index = make_index()
    truth: dict[int, np.ndarray] = {}
    unused = random.permutation(20_000)
    for _ in range(12):
        count = int(random.integers(0, 700))
        ids, unused = unused[:count], unused[count:]
        vectors = random_vectors(count, seed=int(random.integers(2**32)))
        index.add(ids, vectors)
        truth.update(zip(ids.tolist(), vectors, strict=True))
        gone = random.permutation(list(truth))[: random.integers(0, 200)]
        assert index.remove(gone) == len(gone)
        for id_ in gone.tolist():
            del truth[id_]

        assert index.ids().tolist() == sorted(truth)
        assert_search_agrees(index, truth, random)


def assert_search_agrees(
    index: VectorIndex, truth: dict[int, np.ndarray], random: np.random.Generator
) -> None:
    query = random_vectors(1, seed=int(random.integers(2**32)))[0]
    k = int(random.integers(1, 40))
    share = random.choice([0.02, 0.3, 1.0])
    among = np.sort(random.permutation(20_000)[: int(20_000 * share)])
    allowed = np.intersect1d(among, list(truth))
    scores = {id_: float(truth[id_] @ query) for id_ in allowed.tolist()}
    best = sorted(scores.values(), reverse=True)[:k]

    found = index.search(query, k, among=among)

    assert len(found) == len(best)
    assert found.scores.tolist() == pytest.approx([scores[id_] for id_ in found.ids], abs=1e-5)
    approximate = getattr(index, "kind", "exact") == "ivf" and share == 1.0
    if not approximate:
        assert found.scores.tolist() == pytest.approx(best, abs=1e-5)
