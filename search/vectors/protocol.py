"""What the rest of the program may ask of a vector index, whatever engine is behind it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]

# Rounding to float16 moves a length by less than 0.001; a forgotten normalisation by far more.
UNIT_LENGTH_TOLERANCE = 0.01


@dataclass(frozen=True)
class Neighbours:
    """What a search found, best first; equal scores are in order of id.

    `ids`: int64, shape (found,). `scores`: float32, shape (found,), the inner products with the
    query, which are cosines when the query has unit length.
    """

    ids: Ids
    scores: Vectors

    def __len__(self) -> int:
        return len(self.ids)


class VectorIndex(Protocol):
    """Unit-length vectors under ids that the caller chose, searched by inner product.

    Ids are non-negative int64 numbers and stand for one vector for ever. Vectors are kept to
    float16 precision, which is what the catalog stores: an index filled while encoding and one
    filled from the catalog later give the same scores. Safe to use from several threads.
    """

    @property
    def dim(self) -> int: ...

    def __len__(self) -> int: ...

    def ids(self) -> Ids:
        """All ids, sorted: what to compare with the catalog."""
        ...

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add vectors of shape (len(ids), dim). All of them are added, or none.

        Raises ValueError for an id that is negative, given twice or already there, for a wrong
        shape, and for a vector that is not of unit length.
        """
        ...

    def remove(self, ids: Ids) -> int:
        """Remove these ids and return how many were there; unknown ids are no error."""
        ...

    def search(self, query: Vectors, k: int, *, among: Ids | None = None) -> Neighbours:
        """The `k` best vectors for a query of shape (dim,), or all when there are fewer.

        `among` limits the search to these ids; unknown ones are no error. The filter comes before
        the cut: min(k, number of such ids in the index) results come back.

        Raises ValueError for a wrong shape, a query that is not finite, and k below 1.
        """
        ...


def checked_ids(ids: npt.ArrayLike) -> Ids:
    """The ids as an int64 array; ValueError unless they are one row of non-negative integers."""
    array = np.asarray(ids)
    if array.size == 0:
        return np.empty(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"ids must be one row of integers, not {array.dtype} of {array.shape}")
    array = array.astype(np.int64)
    if array.min() < 0:
        raise ValueError(f"ids must not be negative: {array.min()}")
    return array


def checked_vectors(ids: Ids, vectors: npt.ArrayLike, *, dim: int) -> Vectors:
    """The vectors rounded to float16 values; ValueError unless they fit the ids and `dim`."""
    array = np.asarray(vectors, dtype=np.float32)
    if array.size == 0 and ids.size == 0:
        return np.empty((0, dim), dtype=np.float32)
    if array.shape != (len(ids), dim):
        raise ValueError(f"expected vectors of shape {(len(ids), dim)}, not {array.shape}")
    lengths = np.sqrt(np.einsum("nd,nd->n", array, array))
    # Written so that a length of NaN is wrong too.
    wrong = ~(np.abs(lengths - 1) <= UNIT_LENGTH_TOLERANCE)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise ValueError(f"the vector of id {ids[first]} has length {lengths[first]:.3g}, not 1")
    return array.astype(np.float16).astype(np.float32)


def refuse_known(ids: Ids, known: Ids) -> None:
    """ValueError for ids that are given twice, or are among the sorted known ones."""
    if len(np.unique(ids)) != len(ids):
        raise ValueError("an id was given twice")
    again = np.intersect1d(known, ids)
    if len(again):
        raise ValueError(f"{len(again)} ids are in the index already, the first is {again[0]}")


def checked_query(query: npt.ArrayLike, *, dim: int) -> Vectors:
    """The query as float32; ValueError unless it has shape (dim,) and is finite."""
    array = np.asarray(query, dtype=np.float32)
    if array.shape != (dim,):
        raise ValueError(f"expected a query of shape {(dim,)}, not {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("the query holds values that are not finite")
    return array
