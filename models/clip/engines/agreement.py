"""How nearly embeddings of two engines agree. Free of torch."""

import numpy as np

# Two engines' embeddings may meet in a library if they point in the same direction so nearly.
LEAST_AGREEMENT = 0.999


def cosines(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """The cosine of embeddings in pairs, (n, dim) each → (n,); not a number where one has none."""
    products = (ours * theirs).sum(axis=1)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return np.asarray(products / np.maximum(lengths, 1e-30))


def agreement(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The least of the cosines; not a number where one has none."""
    return float(cosines(ours, theirs).min())
