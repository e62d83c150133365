"""Several terms as one direction to look into."""

from collections.abc import Sequence

import numpy as np

from search.embeddings import normalised


def composed(terms: Sequence[tuple[float, np.ndarray]], sample: np.ndarray | None) -> np.ndarray:
    """The weighed sum of unit vectors (dim,), unit length."""
    total = np.sum([weight * vector for weight, vector in terms], axis=0)
    return normalised(total[None])[0]
