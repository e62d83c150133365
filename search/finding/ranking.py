"""The ways to find candidates: nearest, fulfilling all terms, holding a drawing."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy.orm import Session

from search.finding.filters import Scope
from search.finding.grouping import Candidate, read_candidates
from search.finding.query_vectors import StepVector, fulfilment_in
from search.queries.drawings import drawing_from_text
from search.queries.query import Term, TermKind
from search.vectors.segment_index import SegmentIndex

if TYPE_CHECKING:
    from search.finding.sketch_matching import SketchMatcher

# Fetched for each video wanted, or for each moment of one where these are more; four times as many
# again only while they are of too few videos.
SEGMENTS_PER_VIDEO = 4
# In a larger library only the likeliest segments by each term are compared with all terms.
_COMPARED_AT_ONCE, _LIKELIEST = 20_000, 5_000


@dataclass(frozen=True)
class Search:
    """What is looked for, as the index sees it.

    query: (dim,), unit length
    text_embedding: (dim,), of a query that is nothing but a text
    terms: each term with its unit vector
    """

    query: np.ndarray
    k: int
    per_video: int
    text_embedding: np.ndarray | None = None
    terms: tuple[tuple[Term, np.ndarray], ...] = ()


class CandidateFinder:
    """Finds candidates in one space, best first, until `k` videos are among them."""

    def __init__(self, index: SegmentIndex) -> None:
        self._index = index

    @cached_property
    def _sketches(self) -> "SketchMatcher":
        # It needs torch, which a search by anything else starts without.
        from search.finding.sketch_matching import SketchMatcher

        return SketchMatcher()

    def fulfilling(self, session: Session, wanted: Search, scope: Scope) -> list[Candidate]:
        """The segments that fulfil all terms best, best first: `k` videos are among them."""
        step = StepVector(wanted.query, None, wanted.terms, ())
        ids = self._pool(wanted, scope)
        scores = fulfilment_in(self._index, step, ids) if len(ids) else np.empty(0)
        return _composed(session, wanted, scope, ids, np.exp(scores))

    def drawn(self, session: Session, wanted: Search, scope: Scope) -> list[Candidate] | None:
        """The segments whose sketches hold a drawing; None where that is not what is asked.

        Where nothing is sketched the model has to look at the drawing.
        """
        if [term.kind for term, _ in wanted.terms] != [TermKind.DRAWING]:
            return None
        drawing = drawing_from_text(wanted.terms[0][0].value)
        ids, scores = self._sketches.similarities(session, drawing)
        shown = np.isin(ids, self._index.visible())
        if scope.ids is not None:
            shown &= np.isin(ids, scope.ids)
        if not shown.any():
            return None
        return _composed(session, wanted, scope, ids[shown], scores[shown])

    def _pool(self, wanted: Search, scope: Scope) -> np.ndarray:
        """The segments to compare with all terms: all, or in a large library the likeliest."""
        visible = self._index.visible()
        ids = visible if scope.ids is None else np.intersect1d(visible, scope.ids)
        if len(ids) <= _COMPARED_AT_ONCE:
            return ids
        near = [
            self._index.nearest(vector, _LIKELIEST, among=scope.ids).ids
            for term, vector in wanted.terms
            if term.weight > 0
        ]
        return np.unique(np.concatenate(near))

    def nearest(
        self, session: Session, wanted: Search, scope: Scope, *, at_least: int = 1
    ) -> list[Candidate]:
        """The nearest segments, best first, until `k` videos are among them."""
        among = scope.ids
        present = len(self._index) if among is None else min(len(self._index), len(among))

        def best(count: int) -> list[Candidate]:
            near = self._index.nearest(wanted.query, count, among=among)
            return read_candidates(session, near.ids, similarities=near.scores, tagged=scope.tagged)

        return _enough(best, wanted, present, at_least=at_least)


def _composed(
    session: Session, wanted: Search, scope: Scope, ids: np.ndarray, scores: np.ndarray
) -> list[Candidate]:
    """The segments of the highest scores, best first."""
    order = np.lexsort((ids, -scores))
    ids, scores = ids[order], scores[order]

    def best(count: int) -> list[Candidate]:
        return read_candidates(session, ids[:count], composed=scores[:count], tagged=scope.tagged)

    return _enough(best, wanted, len(ids))


def _enough(
    best: Callable[[int], list[Candidate]], wanted: Search, present: int, *, at_least: int = 1
) -> list[Candidate]:
    """The best candidates, until `k` videos are among them or there are no more."""
    count = max(at_least, max(wanted.k, wanted.per_video) * SEGMENTS_PER_VIDEO)
    while present:
        candidates = best(count)
        if len({candidate.video for candidate in candidates}) >= wanted.k or count >= present:
            return candidates
        count *= 4
    return []
