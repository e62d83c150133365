"""Finding the nearest vectors among very many.

`protocol` says what every engine must do, `faiss_index` does it with FAISS, and `storage` keeps
an index on disk. FAISS is not imported here, so that naming the protocol costs nothing.
"""

from search.vectors.protocol import Neighbours, VectorIndex

__all__ = ["Neighbours", "VectorIndex"]
