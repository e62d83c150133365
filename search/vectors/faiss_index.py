"""The vector index on FAISS: flat while it is small, ivf when it has grown."""

import threading
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol, Self

import faiss
import numpy as np
import numpy.typing as npt

from search.vectors.devices import GPU_MAX_RESULTS, gpu_copy, reading_limits, threads_for
from search.vectors.protocol import (
    Ids,
    Neighbours,
    Vectors,
    checked_ids,
    checked_query,
    checked_vectors,
    refuse_known,
)
from search.vectors.structures import (
    IVF_FROM,
    StructureKind,
    chunks,
    empty_flat,
    fault_in,
    ids_of,
    kind_for,
    kind_of,
    nearest,
    outgrown,
    rebuilt,
)

# So few allowed vectors, those of one video say, are scored one by one: 1 µs each. A search would
# look at the id of every vector of the index: 0.2 ms for 100,000.
SCORED_DIRECTLY = 200

# FAISS is asked for some more than k, so that vectors which are equal at the cut can be seen.
EXTRA_CANDIDATES = 8

# Two scores of the same vector differ by less than this: float32 sums in another order, or on a
# GPU a query rounded to float16 (half a unit in the 11th binary digit, in both scores).
CPU_SCORE_ERROR = 1e-6
GPU_SCORE_ERROR = 1e-3


class Writable(Protocol):
    """What an index is written to."""

    def write(self, data: bytes, /) -> int: ...


class FaissIndex:
    """A `VectorIndex` in memory.

    It becomes ivf at `ivf_from` vectors and flat again below half of that; a named `kind` stays.
    FAISS proposes candidates, and their final scores are computed here from the stored vectors.
    So a segment has the same score whatever the structure, the filter or the device.
    """

    def __init__(
        self,
        dim: int,
        *,
        kind: StructureKind | None = None,
        ivf_from: int = IVF_FROM,
        device_copy: Callable[[Any], Any | None] = gpu_copy,
    ) -> None:
        self._structure = empty_flat(dim)
        self._ids: Ids = np.empty(0, dtype=np.int64)
        self._fixed_kind = kind
        self._ivf_from = ivf_from
        self._make_device_copy = device_copy
        self._device_copy: Any | None = None
        self._device_copy_is_current = False
        # FAISS must not search while it adds or removes, which takes milliseconds. Building another
        # structure and writing a file take seconds: they only keep other changes out.
        self._changing = threading.Lock()
        self._lock = threading.Lock()

    @property
    def dim(self) -> int:
        return int(self._structure.d)

    @property
    def kind(self) -> StructureKind:
        """The structure in use now."""
        return kind_of(self._structure)

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self) -> Ids:
        return self._ids.copy()

    def add(self, ids: npt.ArrayLike, vectors: npt.ArrayLike) -> None:
        new_ids = checked_ids(ids)
        rows = checked_vectors(new_ids, vectors, dim=self.dim)
        if len(new_ids) == 0:
            return
        with self._changing:
            refuse_known(new_ids, self._ids)
            # A stable sort takes linear time where two sorted runs follow each other.
            all_ids = np.sort(np.concatenate([self._ids, new_ids]), kind="stable")
            with self._lock, threads_for(len(rows)):
                self._structure.add_with_ids(rows, new_ids)
                self._now_holds(all_ids)
            self._change_structure_if_due()

    def remove(self, ids: npt.ArrayLike) -> int:
        unwanted = checked_ids(ids)
        with self._changing:
            present = self._present(unwanted)
            if len(present) == 0:
                return 0
            remaining = np.setdiff1d(self._ids, present, assume_unique=True)
            with self._lock:
                self._structure.remove_ids(faiss.IDSelectorArray(present))
                self._now_holds(remaining)
            self._change_structure_if_due()
            return len(present)

    def search(
        self, query: npt.ArrayLike, k: int, *, among: npt.ArrayLike | None = None
    ) -> Neighbours:
        vector = checked_query(query, dim=self.dim)
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        with self._lock, threads_for(1):
            allowed = None if among is None else self._present(checked_ids(among))
            return self._search(vector, k, allowed)

    def write(self, file: Writable) -> tuple[StructureKind, int]:
        """Write everything to an open file for `read`; kind and count of what was written."""
        with self._changing:
            faiss.write_index(self._structure, faiss.PyCallbackIOWriter(file.write))
            return self.kind, len(self)

    @classmethod
    def read(cls, file: BinaryIO, *, size_bytes: int) -> Self:
        """The index in an open file that was found to be undamaged.

        FAISS trusts what it reads: only ever give it a file of which a digest was checked.
        Raises ValueError when FAISS cannot read it or it is no index of ours.
        """
        try:
            with reading_limits(size_bytes):
                structure = faiss.read_index(faiss.PyCallbackIOReader(file.read))
        except RuntimeError as error:
            raise ValueError("FAISS cannot read it") from error
        fault = fault_in(structure)
        if fault is not None:
            raise ValueError(fault)
        index = cls(structure.d)
        index._structure = structure
        index._ids = ids_of(structure)
        return index

    def _search(self, query: Vectors, k: int, allowed: Ids | None) -> Neighbours:
        pool = self._ids if allowed is None else allowed
        k = min(k, len(pool))
        wanted = k + EXTRA_CANDIDATES
        while len(pool) > SCORED_DIRECTLY and wanted < len(pool):
            ids, scores, error = self._candidates(query, wanted, allowed)
            if scores[k - 1] - scores[-1] > error:
                return self._best(query, ids, k)
            # As many vectors as this are equal at the cut: which of them belong to the first k is
            # decided by id, so all of them must be seen.
            wanted *= 4
        return self._best(query, pool, k)

    def _candidates(
        self, query: Vectors, count: int, allowed: Ids | None
    ) -> tuple[Ids, Vectors, float]:
        """Ids, rough scores (best first) and the error of those scores."""
        # FAISS has no filters on the GPU.
        if allowed is None and count <= GPU_MAX_RESULTS:
            copy = self._current_device_copy()
            if copy is not None:
                scores, ids = copy.search(query[None], count)
                # The lists that were read may hold fewer; the search below then reads all.
                if ids[0, -1] >= 0:
                    return ids[0], scores[0], GPU_SCORE_ERROR
        ids, scores = nearest(self._structure, query, count, allowed=allowed)
        return ids, scores, CPU_SCORE_ERROR

    def _best(self, query: Vectors, ids: Ids, k: int) -> Neighbours:
        # Not a matrix product: its last digits depend on the row at which a vector stands.
        parts = [
            np.einsum("nd,d->n", self._structure.reconstruct_batch(chunk), query)
            for chunk in chunks(ids)
        ]
        scores = np.concatenate([np.empty(0, dtype=np.float32), *parts])
        order = np.lexsort((ids, -scores))[:k]
        return Neighbours(ids=ids[order], scores=scores[order])

    def _current_device_copy(self) -> Any | None:
        if not self._device_copy_is_current:
            self._device_copy = self._make_device_copy(self._structure)
            self._device_copy_is_current = True
        return self._device_copy

    def _present(self, ids: Ids) -> Ids:
        """Those of the ids that are in the index, sorted, each once."""
        if len(self._ids) == 0:
            return self._ids
        places = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        found = ids[self._ids[places] == ids]
        return found if (np.diff(found) > 0).all() else np.unique(found)

    def _now_holds(self, ids: Ids) -> None:
        self._ids = ids
        self._device_copy = None
        self._device_copy_is_current = False

    def _change_structure_if_due(self) -> None:
        kind = self._fixed_kind or kind_for(len(self), current=self.kind, ivf_from=self._ivf_from)
        if len(self) == 0:
            kind = "flat"
        if kind != self.kind or (kind == "ivf" and outgrown(self._structure)):
            new = rebuilt(self._structure, self._ids, kind=kind)
            with self._lock:
                self._structure = new
                self._now_holds(self._ids)
