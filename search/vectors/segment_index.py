"""The vector index of a space, kept level with the catalog.

Beside the vectors it keeps in memory what filters and sequences need of all segments: 32 bytes a
segment.
"""

import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from search.catalog.embeddings import read_embeddings, unpack
from search.catalog.places import is_present
from search.catalog.store import Store
from search.catalog.tables import Segment, SegmentEmbedding, Space
from search.vectors import Neighbours, storage
from search.vectors.array_index import ArrayIndex
from search.vectors.segment_columns import SegmentColumns

if TYPE_CHECKING:
    from search.vectors.faiss_index import FaissIndex

_CHUNK = 10_000  # vectors read from the catalog at once: 20 MB at width 512
_SAMPLED = 4_096  # 8 MB at width 512, compared with a query in a millisecond
# Up to here all vectors are read from the catalog, as the sample is anyway, and compared by NumPy.
_SMALL = _SAMPLED
_SAVE_AFTER = 1_000  # changes a reader may carry before it is worth writing the file again


class SegmentIndex:
    """Nearest segments of one space, among those of videos that are present."""

    def __init__(self, library: Store, space: Space) -> None:
        self._library = library
        self.space_id = space.id
        self.dim = space.dim
        self.columns = SegmentColumns.empty()
        self.revision = -1
        self._space_key = space.key
        self._sample = np.empty((0, space.dim), np.float32)
        self._sampled_from = 0
        self._unsaved = 0
        self._lock = threading.Lock()  # several pages may find it stale at once
        self._visible: np.ndarray | None = None
        self._index, self._stored_revision = self._load()

    def __len__(self) -> int:
        return len(self._index) if self._visible is None else len(self._visible)

    def nearest(self, query: np.ndarray, k: int, *, among: np.ndarray | None = None) -> Neighbours:
        """The `k` nearest segments, best first. query: (dim,), unit length.

        among: ids; only these are looked at, so `k` come back if `k` of them are present
        """
        if among is None or self._visible is None:
            return self._index.search(query, k, among=self._visible if among is None else among)
        return self._index.search(query, k, among=np.intersect1d(among, self._visible))

    def cosines(self, query: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """The cosine of a unit vector with each of these segments, float64 (n,).

        -1 for a segment that was removed just now.
        """
        near = self._index.search(query, max(1, len(ids)), among=ids)
        order = np.argsort(near.ids)
        known, scores = near.ids[order], near.scores[order]
        if not len(known):
            return np.full(len(ids), -1.0)
        places = np.minimum(np.searchsorted(known, ids), len(known) - 1)
        return np.where(known[places] == ids, scores[places], -1.0).astype(np.float64)

    def refresh(self) -> None:
        """Take up what has changed in the catalog; one small query when nothing has."""
        with self._lock, self._library.reading() as session:
            revision = session.scalar(select(Space.revision).where(Space.id == self.space_id))
            if revision == self.revision:
                return
            if not self._is_level(session, revision):
                self._catch_up(session)
            self._visible = _visible_ids(session, self.space_id)
            self.columns = self.columns.caught_up(session, self.space_id)
            self.revision = revision or 0
        if self._unsaved > max(_SAVE_AFTER, len(self._index) // 20):
            self.save()

    def visible(self) -> np.ndarray:
        """The ids of all segments that a search may show, in order."""
        return self._index.ids() if self._visible is None else self._visible

    def sample(self) -> np.ndarray:
        """Embeddings of segments spread evenly over the library, float32 (n, dim), n ≤ 4,096.

        Read again only after the library has grown or shrunk by a tenth.
        """
        count = len(self._index)
        with self._lock:
            if abs(count - self._sampled_from) > self._sampled_from // 10:
                ids = self._index.ids()
                chosen = ids[np.linspace(0, count - 1, min(count, _SAMPLED)).astype(np.int64)]
                with self._library.reading() as session:
                    self._sample = _known_embeddings(session, self.space_id, self.dim, chosen)
                self._sampled_from = count
            return self._sample

    def save(self) -> None:
        """Write the index file, if it is behind and the disk lets us: it is only a cache.

        A small library has none: what it would save takes no time.
        """
        if not self._unsaved or isinstance(self._index, ArrayIndex):
            return
        with contextlib.suppress(OSError):
            storage.save(self._index, self._folder, space=self._space_key, revision=self.revision)
            self._unsaved = 0

    @property
    def _folder(self) -> Path:
        return self._library.vectors_folder / self._space_key

    def _load(self) -> "tuple[ArrayIndex | FaissIndex, int]":
        with self._library.reading() as session:
            if (session.scalar(_count_in(self.space_id)) or 0) <= _SMALL:
                return ArrayIndex(self.dim), -1
        try:
            index, manifest = storage.load(self._folder, space=self._space_key, dim=self.dim)
        except storage.DamagedIndex:  # or none yet: the catalog has everything
            return _in_faiss(ArrayIndex(self.dim)), -1
        return index, manifest.revision

    def _is_level(self, session: Session, revision: int | None) -> bool:
        """Whether the file that was loaded is of this very revision: then no ids are compared."""
        stored, self._stored_revision = self._stored_revision, -1
        if stored != revision:
            return False
        # A catalog brought back from a copy counts its revisions again.
        return session.scalar(_count_in(self.space_id)) == len(self._index)

    def _catch_up(self, session: Session) -> None:
        stored = np.array(
            session.scalars(
                select(SegmentEmbedding.segment_id)
                .where(SegmentEmbedding.space_id == self.space_id)
                .order_by(SegmentEmbedding.segment_id)
            ).all(),
            dtype=np.int64,
        )
        if len(stored) > _SMALL:
            self._index = _in_faiss(self._index)
        indexed = self._index.ids()
        gone = np.setdiff1d(indexed, stored, assume_unique=True)
        new = np.setdiff1d(stored, indexed, assume_unique=True)
        if len(gone):
            self._index.remove(gone)
        for start in range(0, len(new), _CHUNK):
            chunk = new[start : start + _CHUNK]
            self._index.add(chunk, read_embeddings(session, self.space_id, self.dim)(chunk))
        self._unsaved += len(gone) + len(new)


def _in_faiss(index: "ArrayIndex | FaissIndex") -> "FaissIndex":
    if not isinstance(index, ArrayIndex):
        return index
    from search.vectors.faiss_index import FaissIndex

    larger = FaissIndex(index.dim)
    larger.add(index.ids(), index.vectors())
    return larger


def _count_in(space_id: int) -> Select[int]:
    return select(func.count()).where(SegmentEmbedding.space_id == space_id)


def _known_embeddings(session: Session, space_id: int, dim: int, ids: np.ndarray) -> np.ndarray:
    """Stored embeddings, (n, dim); those that were removed meanwhile are left out."""
    rows = session.scalars(
        select(SegmentEmbedding.embedding)
        .where(SegmentEmbedding.space_id == space_id, SegmentEmbedding.segment_id.in_(ids.tolist()))
        .order_by(SegmentEmbedding.segment_id)
    ).all()
    return unpack(rows, dim)


def _visible_ids(session: Session, space_id: int) -> np.ndarray | None:
    """The segments of videos that lie somewhere now; None when that is all of them."""
    present = is_present()
    in_space = (
        select(Segment.id)
        .join(SegmentEmbedding, SegmentEmbedding.segment_id == Segment.id)
        .where(SegmentEmbedding.space_id == space_id)
    )
    hidden = session.scalar(select(func.count()).select_from(in_space.where(~present).subquery()))
    if not hidden:
        return None
    return np.array(session.scalars(in_space.where(present).order_by(Segment.id)).all(), np.int64)
