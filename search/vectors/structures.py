"""The two FAISS structures that hold vectors, and when to use which.

flat: every vector is compared with the query. Exact.
ivf: k-means puts the vectors into lists; a query reads a third of them, those nearest to it.

Both hold the vectors as float16 and both can remove. That is why there is no HNSW here: FAISS
cannot remove from it. All figures are of benchmarks/vectors.py with 512 dimensions on two cores.
"""

from collections.abc import Iterator
from typing import Any, Literal

import faiss
import numpy as np

from search.vectors.protocol import Ids, Vectors

StructureKind = Literal["flat", "ivf"]
Structure = Any  # FAISS has no types.

# Up to here comparing with every vector takes 12 ms at most, less than encoding a text does, and it
# is exact. Building ivf takes 12 s here, which is worth it only for many searches.
IVF_FROM = 300_000

# A search reads one list in this number. On clustered vectors this finds 98 % or more of the true
# first ten, for pictures and for texts, from 10,000 to 300,000 vectors; at 300,000 it takes a third
# of flat's time (4.5 ms). A quarter of the lists is 1 % worse and 1 ms faster.
PROBED_SHARE = 3

# Lists grow with the square root of the count. They need few training points each: k-means is
# here only to put neighbours into the same list.
LISTS_PER_ROOT = 2
TRAINING_POINTS_PER_LIST = 32
TRAINING_ROUNDS = 8
SEED = 7

# Ids up to here are filtered by a bit each: 16 MB at most.
_IDS_IN_MEMORY = 2**27

# Vectors are float32 for a moment while they move between structures: 32 MB at 512 dimensions.
CHUNK_ROWS = 16_384


def kind_for(count: int, *, current: StructureKind, ivf_from: int) -> StructureKind:
    """The structure for `count` vectors; from half of `ivf_from` up to it, the current one."""
    if count >= ivf_from:
        return "ivf"
    return current if 2 * count >= ivf_from else "flat"


def kind_of(structure: Structure) -> StructureKind:
    """Which of the two this is."""
    return "ivf" if isinstance(structure, faiss.IndexIVFScalarQuantizer) else "flat"


def outgrown(structure: Structure) -> bool:
    """Whether an ivf structure holds about four times what its lists were made for."""
    return bool(_list_count(structure.ntotal) >= 2 * structure.nlist)


def empty_flat(dim: int) -> Structure:
    """A flat structure without vectors."""
    # Three times as fast as IndexFlatIP and half its size: reading memory is what takes the time.
    # Nothing is lost, because the vectors hold float16 values.
    scalars = faiss.IndexScalarQuantizer(
        dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    return faiss.IndexIDMap2(scalars)


def rebuilt(structure: Structure, ids: Ids, *, kind: StructureKind) -> Structure:
    """A new structure of this kind with the vectors of these ids out of `structure`."""
    new = empty_flat(structure.d) if kind == "flat" else _trained_ivf(structure, ids)
    for chunk in chunks(ids):
        new.add_with_ids(structure.reconstruct_batch(chunk), chunk)
    return new


def chunks(ids: Ids) -> Iterator[Ids]:
    """The ids in runs short enough to hold their vectors as float32."""
    for start in range(0, len(ids), CHUNK_ROWS):
        yield ids[start : start + CHUNK_ROWS]


def nearest(
    structure: Structure, query: Vectors, count: int, *, allowed: Ids | None
) -> tuple[Ids, Vectors]:
    """Ids and scores of up to `count` of the best vectors, best first; exact only for flat.

    `count` must not be above the number of allowed vectors. That many come back.
    """
    selector = None if allowed is None else _selector(allowed)
    if kind_of(structure) == "flat":
        return _searched(structure, query, count, faiss.SearchParameters(sel=selector))
    # A vector that is not allowed costs no more than a look at its id. So a narrow filter can
    # afford to read all lists, which makes the result exact.
    narrow = allowed is not None and len(allowed) * PROBED_SHARE <= structure.ntotal
    probes = structure.nlist if narrow else -(-structure.nlist // PROBED_SHARE)
    while True:
        parameters = faiss.SearchParametersIVF(sel=selector, nprobe=probes)
        ids, scores = _searched(structure, query, count, parameters)
        if len(ids) == count or probes == structure.nlist:
            return ids, scores
        probes = structure.nlist


def ids_of(structure: Structure) -> Ids:
    """The ids in a structure, sorted."""
    if kind_of(structure) == "flat":
        return np.sort(faiss.vector_to_array(structure.id_map))
    lists = structure.invlists
    parts = [
        faiss.rev_swig_ptr(lists.get_ids(number), lists.list_size(number)).copy()
        for number in range(structure.nlist)
        if lists.list_size(number)
    ]
    return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *parts]))


def fault_in(structure: Structure) -> str | None:
    """Why a structure that came from a file cannot be one of ours, or None."""
    if not _is_one_of_ours(structure):
        return f"{type(structure).__name__} is no structure of this program"
    ids = ids_of(structure)
    if len(ids) != structure.ntotal or (np.diff(ids) == 0).any() or (ids < 0).any():
        return "the ids are not those of its vectors"
    return None


def _is_one_of_ours(structure: Structure) -> bool:
    if isinstance(structure, faiss.IndexIDMap2):
        scalars = faiss.downcast_index(structure.index)
        expected = isinstance(scalars, faiss.IndexScalarQuantizer)
    else:
        scalars = structure
        # Without the table FAISS cannot find a vector by its id.
        expected = (
            isinstance(structure, faiss.IndexIVFScalarQuantizer)
            and structure.direct_map.type == faiss.DirectMap.Hashtable
        )
    return (
        expected
        and scalars.sq.qtype == faiss.ScalarQuantizer.QT_fp16
        and structure.metric_type == faiss.METRIC_INNER_PRODUCT
    )


def _list_count(count: int) -> int:
    return max(1, min(count, int(LISTS_PER_ROOT * count**0.5)))


def _trained_ivf(structure: Structure, ids: Ids) -> Structure:
    list_count = _list_count(len(ids))
    ivf = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(structure.d),
        structure.d,
        list_count,
        faiss.ScalarQuantizer.QT_fp16,
        faiss.METRIC_INNER_PRODUCT,
        False,  # Vectors themselves, not their distance from the list's centre: exact scores.
    )
    ivf.cp.seed = SEED
    ivf.cp.niter = TRAINING_ROUNDS
    ivf.cp.min_points_per_centroid = 1
    # Without it FAISS can remove only by reading all lists, and cannot look a vector up at all.
    ivf.set_direct_map_type(faiss.DirectMap.Hashtable)
    sample_size = min(len(ids), TRAINING_POINTS_PER_LIST * list_count)
    sample = np.random.default_rng(SEED).choice(ids, sample_size, replace=False)
    ivf.train(structure.reconstruct_batch(sample))
    ivf.nprobe = -(-list_count // PROBED_SHARE)
    return ivf


def _selector(allowed: Ids) -> Structure:
    """A FAISS selector for sorted ids: one bit an id where ids are small, else a hash set."""
    if allowed[-1] >= _IDS_IN_MEMORY:
        return faiss.IDSelectorBatch(allowed)
    bits = np.zeros(int(allowed[-1]) + 1, dtype=bool)
    bits[allowed] = True
    return faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))


def _searched(
    structure: Structure, query: Vectors, count: int, parameters: Structure
) -> tuple[Ids, Vectors]:
    scores, ids = structure.search(query[None], count, params=parameters)
    found = ids[0] >= 0
    return ids[0][found], scores[0][found]
