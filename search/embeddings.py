"""How embeddings lie in the catalog: float16 bytes, back to float32 arrays."""

from collections.abc import Sequence

import numpy as np


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
