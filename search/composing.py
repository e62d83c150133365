"""Several terms at once: how well a segment fulfils all of them, and none that it should not.

Cosines of different terms cannot be added: those with texts lie close together, those with pictures
far apart. So each is first measured in standard deviations above the library's mean. A term that is
clearly there then counts as there, and more of it makes up for nothing else; a term that should
not be there costs only where it clearly is. Figures: benchmarks/composing.py.
"""

from collections.abc import Sequence

import numpy as np

# Standard deviations above the mean from which on a term is as good as found …
_FOUND = 2.0
# … and from which on a term that should not be there costs, so much for each, and how soon.
_UNWANTED, _COST, _STEEPNESS = 1.5, 2.0, 4.0
_LEAST_DEVIATION = 1e-6


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
