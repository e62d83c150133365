"""Several terms at once, and a person's verdicts, in one query.

Relevance feedback moves the query towards what was right and away from what was wrong: Rocchio
(1971), with two changes for CLIP. Segments lie far from texts, all on one side: so their mean is
taken off first, and both directions are weighed by how far they spread the scores. And a query that
says well what is right already moves little, because an example also shows what was not meant.
Figures: benchmarks/feedback.py.

Terms are fulfilled, not added up. Cosines of different terms cannot be added: those with texts lie
close together, those with pictures far apart. So each is first measured in standard deviations
above the library's mean. A term that is clearly there then counts as there, and more of it makes up
for nothing else; a term that should not be there costs only where it clearly is. Figures:
benchmarks/composing.py.
"""

from collections.abc import Sequence

import numpy as np

from search.catalog.embeddings import normalised

_WRONG = 0.25  # of what counts for right
# How soon a query that says it well moves little: of 2, 2.5, 3 and 4 this gives back most of what
# names find, and vague words gain nearly as much. Measured on other clips than are reported.
_SOON_LITTLE = 2.5
# Standard deviations above the mean from which on a term is as good as found …
_FOUND = 2.0
# … and from which on a term that should not be there costs, so much for each, and how soon.
_UNWANTED, _COST, _STEEPNESS = 1.5, 2.0, 4.0
_LEAST_DEVIATION = 1e-6


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
    strength = (1 - said_well) ** _SOON_LITTLE
    for examples, share in ((liked, 1.0), (unliked, -_WRONG)):
        if len(examples):
            direction = (examples - mean).mean(axis=0)
            total = total + share * strength * _spread_evenly(direction, sample)
    return np.asarray(normalised(total[None])[0])


def _spread_evenly(direction: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """A direction so long that the scores of the library's segments have a deviation of 1."""
    return np.asarray(direction / max(float((sample @ direction).std()), 1e-6))


def fulfilment(
    weights: Sequence[float], vectors: np.ndarray, cosines: np.ndarray, sample: np.ndarray
) -> np.ndarray:
    """How well segments fulfil weighed terms, as a logarithm: 0 at best, (n,).

    vectors: of the terms, (terms, dim), unit length
    cosines: of the terms with the segments, (terms, n)
    sample: embeddings of the library's segments, (m, dim), for what is usual
    """
    usual = sample @ vectors.T
    deviation = np.maximum(usual.std(axis=0), _LEAST_DEVIATION)
    heights = (cosines - usual.mean(axis=0)[:, None]) / deviation[:, None]
    total = np.zeros(cosines.shape[1])
    for weight, height in zip(weights, heights, strict=True):
        if weight > 0:
            total -= weight * np.logaddexp(0.0, _FOUND - height)
        else:
            excess = np.logaddexp(0.0, _STEEPNESS * (height - _UNWANTED)) / _STEEPNESS
            total += weight * _COST * excess
    return total
