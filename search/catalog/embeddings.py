"""Frame embeddings: float16 bytes in the catalog, float32 arrays for the heads.

Heads see them in the order in which the frames were sampled.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from search.catalog.places import in_chunks
from search.catalog.tables import SegmentEmbedding, SegmentFrames

_ROWS_AT_ONCE = 16  # that the database driver holds for a reader


def in_sampled_order(unique_embeddings: np.ndarray, unique_index: np.ndarray) -> np.ndarray:
    """One embedding for every sampled frame, near-duplicates repeated; (frames, dim).

    unique_embeddings: (unique frames, dim)
    unique_index: (frames,), the row that stands for each sampled frame
    """
    return unique_embeddings[unique_index]


def read_sequences(
    session: Session, segment_ids: Sequence[int], dim: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Segments and their frame embeddings, float32 (frames, dim), a few in memory at a time.

    Segments that have been removed meanwhile are left out.
    """
    for chunk in in_chunks(segment_ids):
        rows = session.execute(
            select(SegmentFrames.segment_id, SegmentFrames.unique_index, SegmentFrames.embeddings)
            .where(SegmentFrames.segment_id.in_(chunk))
            .order_by(SegmentFrames.segment_id),
            execution_options={"yield_per": _ROWS_AT_ONCE},
        )
        for segment_id, unique_index, embeddings in rows:
            unique = unpack([embeddings], dim)
            yield segment_id, in_sampled_order(unique, np.frombuffer(unique_index, dtype="<u2"))


def pack(values: np.ndarray) -> bytes:
    """Any float array → little-endian float16 bytes."""
    return np.ascontiguousarray(values, dtype="<f2").tobytes()


def unpack(blobs: Sequence[bytes], dim: int) -> np.ndarray:
    """Blobs of one or more vectors each → float32, shape (all vectors, dim)."""
    return np.frombuffer(b"".join(blobs), dtype="<f2").reshape(-1, dim).astype(np.float32)


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to unit length; a zero row stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, 1e-12)


def read_embeddings(
    session: Session, space_id: int, dim: int
) -> Callable[[np.ndarray], np.ndarray]:
    """A reader of stored segment embeddings: ids (n,) → float32 (n, dim), in the ids' order."""

    def read(ids: np.ndarray) -> np.ndarray:
        rows = session.execute(
            select(SegmentEmbedding.segment_id, SegmentEmbedding.embedding).where(
                SegmentEmbedding.space_id == space_id, SegmentEmbedding.segment_id.in_(ids.tolist())
            )
        )
        blobs = {row.segment_id: row.embedding for row in rows}
        return unpack([blobs[segment_id] for segment_id in ids.tolist()], dim)

    return read
