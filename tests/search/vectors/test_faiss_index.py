"""How the index on FAISS changes its structure as it grows, and where it searches."""

import faiss
import numpy as np
import pytest

from search.vectors import faiss_index
from search.vectors.devices import gpu_copy, reading_limits, threads_for
from search.vectors.faiss_index import FaissIndex
from search.vectors.structures import nearest

DIM = 32


def clustered_vectors(count: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    centres = random.standard_normal((200, DIM))
    vectors = centres[random.integers(0, 200, count)] + random.standard_normal((count, DIM))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def filled(index: FaissIndex, count: int) -> FaissIndex:
    index.add(np.arange(count), clustered_vectors(count))
    return index


def test_becomes_ivf_at_the_threshold_and_flat_below_half_of_it() -> None:
    index = filled(FaissIndex(DIM, ivf_from=1000), 999)
    assert index.kind == "flat"

    index.add([5000], clustered_vectors(1, seed=1))
    assert index.kind == "ivf"
    index.remove(np.arange(500))
    assert (len(index), index.kind) == (500, "ivf")
    index.remove([5000])
    assert (len(index), index.kind) == (499, "flat")


def test_change_of_structure_changes_no_score() -> None:
    flat = filled(FaissIndex(DIM, kind="flat"), 4000)
    ivf = filled(FaissIndex(DIM, ivf_from=2000), 4000)
    allowed = np.arange(0, 4000, 4)

    for query in clustered_vectors(20, seed=2):
        expected = flat.search(query, 10, among=allowed)
        found = ivf.search(query, 10, among=allowed)
        assert found.ids.tolist() == expected.ids.tolist()
        assert found.scores.tolist() == expected.scores.tolist()


def test_ivf_finds_at_least_98_of_100_that_flat_finds() -> None:
    flat = filled(FaissIndex(DIM, kind="flat"), 20_000)
    ivf = filled(FaissIndex(DIM, kind="ivf"), 20_000)

    common = [
        len(np.intersect1d(flat.search(query, 10).ids, ivf.search(query, 10).ids))
        for query in clustered_vectors(20_000)[:200] + 0.05
    ]

    assert sum(common) / 2000 >= 0.98


def test_ivf_that_grew_in_small_steps_still_finds_98_of_100() -> None:
    flat = filled(FaissIndex(DIM, kind="flat"), 12_000)
    grown = FaissIndex(DIM, ivf_from=1000)
    vectors = clustered_vectors(12_000)
    for start in range(0, 12_000, 400):
        grown.add(np.arange(start, start + 400), vectors[start : start + 400])

    common = [
        len(np.intersect1d(flat.search(query, 10).ids, grown.search(query, 10).ids))
        for query in vectors[::60]
    ]

    assert sum(common) / 2000 >= 0.98


def test_same_vectors_give_the_same_results_in_two_builds() -> None:
    one, two = (filled(FaissIndex(DIM, kind="ivf"), 3000) for _ in range(2))

    for query in clustered_vectors(20, seed=3):
        assert one.search(query, 10).ids.tolist() == two.search(query, 10).ids.tolist()


@pytest.mark.parametrize("kind", ["flat", "ivf"])
def test_copy_on_a_device_follows_every_change(kind: str) -> None:
    copies = []

    def device_copy(structure: faiss.Index) -> faiss.Index:
        copies.append(faiss.clone_index(structure))
        return copies[-1]

    plain = filled(FaissIndex(DIM, kind=kind), 2000)
    copied = filled(FaissIndex(DIM, kind=kind, device_copy=device_copy), 2000)
    newcomer = clustered_vectors(1, seed=4)
    for index in (plain, copied):
        index.add([9000], newcomer)
    assert copied.search(newcomer[0], 10).ids.tolist() == plain.search(newcomer[0], 10).ids.tolist()
    assert copied.search(newcomer[0], 10).ids[0] == 9000
    assert len(copies) == 1

    copied.remove([9000])

    assert 9000 not in copied.search(newcomer[0], 10).ids
    assert len(copies) == 2


def test_filtered_search_does_not_use_the_device() -> None:
    index = filled(FaissIndex(DIM, device_copy=lambda _: pytest.fail("copied")), 2000)

    assert len(index.search(clustered_vectors(1)[0], 10, among=np.arange(0, 2000, 2))) == 10


@pytest.mark.skipif(faiss.get_num_gpus() == 0, reason="there is no GPU")
@pytest.mark.parametrize("kind", ["flat", "ivf"])
def test_gpu_finds_what_the_cpu_finds(kind: str) -> None:
    on_gpu = filled(FaissIndex(DIM, kind=kind), 20_000)
    on_cpu = filled(FaissIndex(DIM, kind=kind, device_copy=lambda _: None), 20_000)

    for query in clustered_vectors(50, seed=5):
        expected, found = on_cpu.search(query, 10), on_gpu.search(query, 10)
        assert found.ids.tolist() == expected.ids.tolist()
        assert found.scores.tolist() == expected.scores.tolist()


@pytest.mark.skipif(faiss.get_num_gpus() > 0, reason="there is a GPU")
def test_without_a_gpu_there_is_no_copy() -> None:
    assert gpu_copy(faiss.IndexFlatIP(DIM)) is None


def test_two_hundred_allowed_vectors_are_scored_without_looking_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index, searched = filled(FaissIndex(DIM), 1000), []

    def note(*arguments: object, **options: object) -> object:
        searched.append(arguments)
        return nearest(*arguments, **options)

    monkeypatch.setattr(faiss_index, "nearest", note)
    for count, searches in ((200, 0), (201, 1)):
        index.search(clustered_vectors(1, seed=9)[0], 5, among=np.arange(count))
        assert len(searched) == searches


def test_faiss_is_asked_for_eight_more_and_then_four_times_as_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index, asked = FaissIndex(DIM), []
    equal = np.repeat(clustered_vectors(1), 40, axis=0)
    index.add(np.arange(1000), np.concatenate([equal, -clustered_vectors(960, seed=6)]))

    def note(structure: object, query: object, count: int, **options: object) -> object:
        asked.append(count)
        return nearest(structure, query, count, **options)

    monkeypatch.setattr(faiss_index, "nearest", note)
    found = index.search(equal[0], 5)
    assert found.ids.tolist() == [0, 1, 2, 3, 4]  # of equal ones the first
    assert asked == [13, 52]


def test_the_usual_index_becomes_ivf_at_three_hundred_thousand() -> None:
    assert FaissIndex(DIM)._ivf_from == 300_000


def test_thread_count_is_put_back() -> None:
    before = faiss.omp_get_max_threads()

    with threads_for(1):
        assert faiss.omp_get_max_threads() == 1
    with threads_for(100_000):
        assert faiss.omp_get_max_threads() == before

    assert faiss.omp_get_max_threads() == before


def test_what_is_believed_of_a_file_is_as_before_afterwards() -> None:
    def limits() -> tuple[int, int]:
        return (
            faiss.get_deserialization_vector_byte_limit(),
            faiss.get_deserialization_loop_limit(),
        )

    before = limits()
    with pytest.raises(ZeroDivisionError), reading_limits(12_345):
        assert limits() == (12_345, 12_345)
        raise ZeroDivisionError
    assert limits() == before
