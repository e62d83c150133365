"""Relevance feedback: the query moves towards what was right and away from what was wrong.

Rocchio (1971), with two changes for CLIP. Segments lie far from texts, all on one side: so their
mean is taken off first, and both directions are weighed by how far they spread the scores. And a
query that says well what is right already moves little, because an example also shows what was not
meant. Figures: benchmarks/feedback.py.
"""

import numpy as np

from search.embeddings import normalised

_WRONG = 0.25  # of what counts for right


def moved(
    query: np.ndarray,
    liked: np.ndarray,
    unliked: np.ndarray,
    *,
    sample: np.ndarray,
    said_well: float,
) -> np.ndarray:
    """The query after feedback, unit length, (dim,).

    liked, unliked: embeddings of segments, (n, dim)
    sample: embeddings of the library's segments, (m, dim)
    said_well: 0 to 1, how surely the query finds what was liked by itself
    """
    mean = sample.mean(axis=0)
    total = _spread_evenly(query, sample)
    strength = (1 - said_well) ** 2
    for examples, share in ((liked, 1.0), (unliked, -_WRONG)):
        if len(examples):
            direction = (examples - mean).mean(axis=0)
            total = total + share * strength * _spread_evenly(direction, sample)
    return np.asarray(normalised(total[None])[0])


def _spread_evenly(direction: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """A direction so long that the scores of the library's segments have a deviation of 1."""
    return np.asarray(direction / max(float((sample @ direction).std()), 1e-6))
