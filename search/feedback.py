"""Relevance feedback: the query moves towards what was right and away from what was wrong."""

import numpy as np

from search.embeddings import normalised


def moved(
    query: np.ndarray, liked: np.ndarray, unliked: np.ndarray, *, mean: np.ndarray
) -> np.ndarray:
    """The query after feedback (Rocchio, 1971), unit length, (dim,)."""
    total = query.copy()
    if len(liked):
        total = total + 0.5 * normalised(liked - mean).mean(axis=0)
    if len(unliked):
        total = total - 0.25 * normalised(unliked - mean).mean(axis=0)
    return normalised(total[None])[0]
