"""Neighbours that show the same thing become one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from search.candidates import Candidate

# Segments of one long shot are cut at the longest length and go on showing the same.
SAME = 0.95  # cosine of two segments
_TOUCHING_S = 0.05


def merged(
    candidates: Sequence[Candidate], embeddings: Mapping[int, np.ndarray]
) -> list[Candidate]:
    """A video's candidates, best first, each with the neighbours that show the same.

    embeddings: of the segments, (dim,), unit length
    """
    kept: list[Candidate] = []
    waiting = list(candidates)
    while waiting:
        best = grown = waiting.pop(0)
        while same := [one for one in waiting if _belongs(one, grown, best, embeddings)]:
            waiting = [one for one in waiting if one not in same]
            grown = replace(
                grown,
                start_s=min(grown.start_s, *(one.start_s for one in same)),
                end_s=max(grown.end_s, *(one.end_s for one in same)),
            )
        kept.append(grown)
    return kept


def _belongs(
    one: Candidate, grown: Candidate, best: Candidate, embeddings: Mapping[int, np.ndarray]
) -> bool:
    gap_s = max(one.start_s - grown.end_s, grown.start_s - one.end_s)
    if gap_s > _TOUCHING_S:
        return False
    known = one.segment in embeddings and best.segment in embeddings
    return known and float(embeddings[one.segment] @ embeddings[best.segment]) >= SAME
