"""The vector index of a small library: every vector is compared with the query, by NumPy.

It takes a millisecond for some thousands of vectors, and spares importing FAISS, which takes a
hundred: a search in the shell waits for that each time.
"""

import threading

import numpy as np
import numpy.typing as npt

from search.vectors.protocol import (
    Ids,
    Neighbours,
    Vectors,
    checked_ids,
    checked_query,
    checked_vectors,
    refuse_known,
)


class ArrayIndex:
    """A `VectorIndex` in memory. Scores are computed as `FaissIndex` computes its final ones."""

    def __init__(self, dim: int) -> None:
        self._ids: Ids = np.empty(0, dtype=np.int64)
        self._vectors: Vectors = np.empty((0, dim), dtype=np.float32)
        self._lock = threading.Lock()

    @property
    def dim(self) -> int:
        return self._vectors.shape[1]

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self) -> Ids:
        return self._ids.copy()

    def vectors(self) -> Vectors:
        """All vectors, in the order of their ids, (n, dim)."""
        return self._vectors

    def add(self, ids: npt.ArrayLike, vectors: npt.ArrayLike) -> None:
        new_ids = checked_ids(ids)
        rows = checked_vectors(new_ids, vectors, dim=self.dim)
        with self._lock:
            refuse_known(new_ids, self._ids)
            all_ids = np.concatenate([self._ids, new_ids])
            order = np.argsort(all_ids, kind="stable")
            self._hold(all_ids[order], np.concatenate([self._vectors, rows])[order])

    def remove(self, ids: npt.ArrayLike) -> int:
        with self._lock:
            stays = ~np.isin(self._ids, checked_ids(ids))
            removed = int((~stays).sum())
            self._hold(self._ids[stays], self._vectors[stays])
            return removed

    def search(
        self, query: npt.ArrayLike, k: int, *, among: npt.ArrayLike | None = None
    ) -> Neighbours:
        vector = checked_query(query, dim=self.dim)
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        with self._lock:
            ids, vectors = self._ids, self._vectors
        if among is not None:
            allowed = np.isin(ids, checked_ids(among))
            ids, vectors = ids[allowed], vectors[allowed]
        scores = np.einsum("nd,d->n", vectors, vector)
        order = np.lexsort((ids, -scores))[:k]
        return Neighbours(ids=ids[order], scores=scores[order])

    def _hold(self, ids: Ids, vectors: Vectors) -> None:
        # New arrays each time: a search goes on with those that it has.
        self._ids, self._vectors = ids, vectors
