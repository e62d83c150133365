"""The structures that hold vectors: which of them when, how many lists, what is none of ours."""

import faiss
import numpy as np
import pytest

from search.vectors.structures import (
    _trained_ivf,
    empty_flat,
    fault_in,
    ids_of,
    kind_for,
    kind_of,
    nearest,
    outgrown,
    rebuilt,
)

DIM = 8


def vectors(count: int, seed: int = 0) -> np.ndarray:
    made = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return (
        (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)
    )


def flat(count: int, first: int = 0):
    structure = empty_flat(DIM)
    structure.add_with_ids(vectors(count), np.arange(first, first + count))
    return structure


def ivf(count: int):
    return rebuilt(flat(count), np.arange(count), kind="ivf")


@pytest.mark.parametrize(
    ("count", "current", "kind"),
    [
        (100, "flat", "ivf"),
        (99, "flat", "flat"),
        (99, "ivf", "ivf"),
        (50, "ivf", "ivf"),
        (49, "ivf", "flat"),
        (0, "ivf", "flat"),
    ],
)
def test_many_vectors_are_ivf_few_are_flat_and_between_nothing_changes(count, current, kind):
    assert kind_for(count, current=current, ivf_from=100) == kind


@pytest.mark.parametrize(
    ("count", "lists", "probed"), [(1, 1, 1), (3, 3, 1), (4, 4, 2), (100, 20, 7), (900, 60, 20)]
)
def test_lists_are_twice_the_root_of_the_count_and_a_third_is_read(count, lists, probed):
    structure = ivf(count)
    assert (kind_of(structure), structure.nlist, structure.nprobe) == ("ivf", lists, probed)
    assert structure.ntotal == count
    assert ids_of(structure).tolist() == list(range(count))


def test_a_structure_is_outgrown_at_four_times_the_vectors_that_it_was_made_for():
    structure = ivf(100)
    structure.add_with_ids(vectors(299, seed=1), np.arange(100, 399))
    assert not outgrown(structure)
    structure.add_with_ids(vectors(1, seed=2), np.array([399]))
    assert outgrown(structure)


def test_a_structure_changes_its_kind_with_all_its_vectors():
    back = rebuilt(ivf(50), np.arange(10, 50), kind="flat")
    assert kind_of(back) == "flat"
    assert ids_of(back).tolist() == list(range(10, 50))
    assert np.array_equal(back.reconstruct_batch(np.arange(10, 50)), vectors(50)[10:])


@pytest.mark.parametrize("make", [flat, ivf])
@pytest.mark.parametrize("allowed", [None, np.arange(0, 300, 2), np.arange(0, 300, 9)])
def test_as_many_come_back_as_are_asked_for_best_first(make, allowed):
    query, count = vectors(1, seed=5)[0], 30
    ids, scores = nearest(make(300), query, count, allowed=allowed)
    known = np.arange(300) if allowed is None else allowed
    assert len(ids) == len(set(ids.tolist())) == count
    assert set(ids.tolist()) <= set(known.tolist())
    assert (np.diff(scores) <= 0).all()
    assert scores == pytest.approx(vectors(300)[ids] @ query, abs=1e-5)
    if make is flat or (allowed is not None and len(allowed) <= 100):
        exact = known[np.argsort(-(vectors(300)[known] @ query))[:count]]
        assert ids.tolist() == exact.tolist()


def test_all_lists_are_read_where_those_that_are_near_hold_too_few():
    structure = ivf(300)
    ids, _ = nearest(structure, vectors(1, seed=5)[0], 300, allowed=None)
    assert sorted(ids.tolist()) == list(range(300))


@pytest.mark.parametrize("large", [100, 2**40])
def test_ids_of_any_size_are_filtered(large):
    structure = flat(10, first=large - 5)
    allowed = np.arange(large - 2, large + 1)
    ids, _ = nearest(structure, vectors(1, seed=5)[0], 3, allowed=allowed)
    assert sorted(ids.tolist()) == allowed.tolist()


def other_precision():
    inner = faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    return faiss.IndexIDMap2(faiss.IndexScalarQuantizer(DIM, *inner))


def other_metric():
    kept = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_L2
    return faiss.IndexIDMap2(faiss.IndexScalarQuantizer(DIM, *kept))


def without_its_table():
    structure = ivf(50)
    structure.set_direct_map_type(faiss.DirectMap.NoMap)
    return structure


@pytest.mark.parametrize(
    "make",
    [
        lambda: faiss.IndexFlatIP(DIM),
        lambda: faiss.IndexIDMap2(faiss.IndexFlatIP(DIM)),
        other_precision,
        other_metric,
        without_its_table,
    ],
)
def test_what_this_program_does_not_make_is_refused(make):
    assert fault_in(make()).endswith("is no structure of this program")


@pytest.mark.parametrize("ids", [[0, 1, 1], [-1, 0, 1]])
def test_ids_that_are_none_or_given_twice_are_a_fault(ids):
    structure = empty_flat(DIM)
    structure.add_with_ids(vectors(3), np.array(ids))
    assert fault_in(structure) == "the ids are not those of its vectors"


@pytest.mark.parametrize("make", [flat, ivf])
def test_what_is_ours_has_no_fault(make):
    assert fault_in(make(50)) is None


def test_lists_are_made_in_eight_rounds_by_a_few_vectors_always_the_same():
    structure = ivf(100)
    how = structure.cp
    assert (how.seed, how.niter, how.min_points_per_centroid) == (7, 8, 1)
    drawn = []

    class Reading:
        d = DIM

        def reconstruct_batch(self, ids: np.ndarray) -> np.ndarray:
            drawn.append(ids.tolist())
            return vectors(5000)[ids]

    for _ in range(2):
        _trained_ivf(Reading(), np.arange(5000))
    assert len(drawn[0]) == len(set(drawn[0])) == 32 * 141
    assert drawn[0] == drawn[1]
