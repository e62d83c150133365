"""Answers queries: text to vector, vector to segments, segments to hits grouped by video."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from search.catalog.embeddings import normalised, read_embeddings
from search.catalog.settings import NO_RERANKING, SearchSettings
from search.catalog.spaces import (
    SpaceMismatch,
    active_space,
    check_same_weights,
    choice_of,
    encoder_of,
    has_same_weights,
    tower_of,
)
from search.catalog.store import EmptyLibrary, Store, nothing_indexed
from search.catalog.tables import Space
from search.finding.composing import moved
from search.finding.filters import ScopeFinder, asked_first
from search.finding.grouping import Candidate, Evidence, first_videos, make_hits, merged
from search.finding.hits import WEAK_BELOW, Hit
from search.finding.matching import NeutralBank, read_bank
from search.finding.query_vectors import QueryEncoder, StepVector
from search.finding.ranking import CandidateFinder, Search
from search.finding.sequences import find_sequences
from search.queries.language import parse, written_terms
from search.queries.query import USUAL_PER_VIDEO, Filters, Query, Term, TermKind, check
from search.vectors.segment_index import SegmentIndex

if TYPE_CHECKING:
    from models.clip.backbone import Backbone
    from search.finding.reranking import Reranker

_MERGED_AT_MOST = 4  # times as many segments are looked at as moments shown, to merge neighbours
_RERANKED = 100  # segments: reading their frames takes a few milliseconds


class SearchEngine:
    """A loaded model and a vector index over one library's active space."""

    def __init__(
        self, library: Store, space: Space, backbone: "Backbone", *, rerank: str = NO_RERANKING
    ) -> None:
        check_same_weights(space, backbone.identity)
        self._library = library
        self.backbone = backbone
        self._reranker = _reranker(rerank, backbone, space.dim)
        self._space_key = space.key
        self._use(SegmentIndex(library, space))

    @classmethod
    def for_library(
        cls, library: Store, backbone: "Backbone | None" = None, *, rerank: str | None = None
    ) -> "SearchEngine":
        """The engine of a library's active space; loads the library's own model if none is given.

        rerank: "none", "query-aware" or a tightTransf head's file, instead of the library's setting

        Raises EmptyLibrary, ModelUnavailable, SpaceMismatch when the weights have changed, or
        NoSuchReranker and HeadMismatch for a re-ranker that cannot be had.
        """
        with library.reading() as session:
            space = active_space(session)
            if space is None:
                raise nothing_indexed(library)
        if backbone is None:
            from models.clip.backbone import load_backbone

            tower = tower_of(space, library.int8_folder)
            backbone = load_backbone(choice_of(space), stored=encoder_of(space), tower=tower)
        return cls(
            library, space, backbone, rerank=rerank or library.settings(SearchSettings).rerank
        )

    def follow(self) -> bool:
        """Take up the space that searches shall use, if that has changed.

        False when it needs another model than this engine has; all else stays as it was then.
        """
        with self._library.reading() as session:
            key = session.scalar(select(Space.key).where(Space.active))
            if key in (self._space_key, None):
                return True
            space = active_space(session)
            if space is None or not has_same_weights(space, self.backbone.identity):
                return False
        index = SegmentIndex(self._library, space)
        index.refresh()  # before other threads see it
        self._use(index)
        self._space_key = space.key
        return True

    def _use(self, index: SegmentIndex) -> None:
        self.index = index
        self._encoder = QueryEncoder(self._library, self.backbone, index)
        self._scopes = ScopeFinder(index)
        self._finder = CandidateFinder(index)
        self._bank: np.ndarray | None = None
        self._known_background: tuple[np.ndarray, NeutralBank] | None = None

    def search(self, query: Query | str, k: int | None = None) -> list[Hit]:
        """The videos that match a query best, each with its matching moments.

        query: in the query language, or ready made
        k: how many videos, whatever the query says of that

        Raises QueryMistake, EmptyLibrary, SpaceMismatch, UnknownLabel, and KinodexError for a
        picture or segment that cannot be had.
        """
        asked = parse(query) if isinstance(query, str) else query
        asked = check(asked if k is None else replace(asked, k=k))
        self._take_up_changes()
        with self._library.reading() as session:
            several = len(asked.steps) > 1
            hits = self._sequences(session, asked) if several else self._moments(session, asked)
            return asked_first(hits, asked.filters)

    def search_vector(
        self, query: np.ndarray, k: int, *, filters: Filters | None = None
    ) -> list[Hit]:
        """The `k` videos nearest to a unit vector (dim,), each with its matching moments.

        Nothing is re-ranked: that takes a text.
        """
        self._take_up_changes()
        with self._library.reading() as session:
            narrowed = filters or Filters()
            scope = self._scopes.find(session, narrowed)
            wanted = Search(query, k, USUAL_PER_VIDEO)
            hits = self._hits(session, wanted, self._finder.nearest(session, wanted, scope))
            return asked_first(hits, narrowed)

    def _take_up_changes(self) -> None:
        if not self.follow():
            raise SpaceMismatch(
                f"the library {str(self._library.folder)!r} was moved to another model meanwhile: "
                "open it again"
            )
        self.index.refresh()
        if not len(self.index):
            raise EmptyLibrary(
                f"no video of {str(self._library.folder)!r} is indexed and present: "
                "run 'kinodex index FOLDER', or bring the folder back and run it again"
            )

    def _moments(self, session: Session, asked: Query) -> list[Hit]:
        step = self._encoder.encode(session, asked.steps[0]) if asked.steps else None
        wanted, excluded = self._with_feedback(session, asked, step)
        scope = self._scopes.find(session, asked.filters).without(self.index, excluded)
        drawn = self._finder.drawn(session, wanted, scope)
        if drawn is not None:
            candidates = drawn
        elif len(wanted.terms) > 1:
            candidates = self._finder.fulfilling(session, wanted, scope)
        elif self._reranker is None or wanted.text_embedding is None:
            candidates = self._finder.nearest(session, wanted, scope)
        else:
            nearest = self._finder.nearest(session, wanted, scope, at_least=_RERANKED)
            candidates = _reranked(nearest, self._reranker, session, wanted.text_embedding)
        return self._hits(session, wanted, candidates)

    def _with_feedback(
        self, session: Session, asked: Query, step: StepVector | None
    ) -> tuple[Search, list[int]]:
        """What to look for after what was said of segments, and which not to show."""
        liked, right = self._encoder.segments(session, asked.like)
        unliked, wrong = self._encoder.segments(session, asked.unlike)
        if step is None:  # nothing but segments that are liked
            step = StepVector(normalised(right.mean(axis=0)[None])[0], None, (), ())
        wanted = Search(step.vector, asked.k, asked.per_video, step.text_embedding, step.terms)
        if liked or unliked:
            said_well = float(self._background().match(step.vector, right).mean()) if liked else 0.0
            sample = self.index.sample()
            query = moved(step.vector, right, wrong, sample=sample, said_well=said_well)
            avoided = [(term, vector) for term, vector in step.terms if term.weight < 0]
            together = (Term("what is looked for"), query)
            terms = (together, *avoided) if avoided else step.terms[:1]
            wanted = replace(wanted, query=query, text_embedding=None, terms=terms)
        return wanted, [*step.segments, *unliked]

    def _background(self) -> NeutralBank:
        """What neutral texts find here; made anew when the library has grown or shrunk much."""
        sample = self.index.sample()
        if self._known_background is None or self._known_background[0] is not sample:
            if self._bank is None:
                self._bank = read_bank(self._library, self._space_key, self.backbone)
            self._known_background = (sample, NeutralBank.of(sample, self._bank))
        return self._known_background[1]

    def _sequences(self, session: Session, asked: Query) -> list[Hit]:
        steps = [self._encoder.encode(session, step) for step in asked.steps]
        excluded = [segment for step in steps for segment in step.segments]
        scope = self._scopes.find(session, asked.filters).without(self.index, excluded)
        return find_sequences(session, self.index, steps, scope, within_s=asked.within_s, k=asked.k)

    def _hits(self, session: Session, wanted: Search, candidates: Sequence[Candidate]) -> list[Hit]:
        groups = first_videos(candidates, wanted.k)
        most = _MERGED_AT_MOST * wanted.per_video
        groups = {video: group[:most] for video, group in groups.items()}
        embeddings = self._embeddings(session, groups)
        shown = {
            video: merged(group, embeddings)[: wanted.per_video] for video, group in groups.items()
        }
        evidence = self._evidence(wanted, shown, embeddings)
        return make_hits(session, shown, wanted.query, self.index.dim, evidence)

    def _embeddings(
        self, session: Session, groups: Mapping[int, Sequence[Candidate]]
    ) -> dict[int, np.ndarray]:
        ids = np.array(sorted(one.segment for group in groups.values() for one in group), np.int64)
        read = read_embeddings(session, self.index.space_id, self.index.dim)
        return dict(zip(ids.tolist(), read(ids), strict=True)) if len(ids) else {}

    def _evidence(
        self,
        wanted: Search,
        groups: Mapping[int, Sequence[Candidate]],
        embeddings: Mapping[int, np.ndarray],
    ) -> Evidence:
        segments = [one.segment for group in groups.values() for one in group]
        if not segments or not wanted.terms:
            return Evidence()
        shown = np.stack([embeddings[one] for one in segments])
        texts = [v for term, v in wanted.terms if term.kind is TermKind.TEXT and term.weight > 0]
        found = self._matches(segments, shown, np.stack(texts)) if texts else {}
        if len(wanted.terms) < 2:
            return Evidence(matches=found)
        names = [written_terms((term,)) for term, _ in wanted.terms]
        cosines = shown @ np.stack([vector for _, vector in wanted.terms], axis=1)
        return Evidence(
            matches=found,
            terms={
                segment: tuple(zip(names, row.tolist(), strict=True))
                for segment, row in zip(segments, cosines, strict=True)
            },
        )

    def _matches(
        self, segments: Sequence[int], shown: np.ndarray, texts: np.ndarray
    ) -> dict[int, float]:
        """How surely segments match all texts, by segment; only of those where that can be told.

        shown: their embeddings, (n, dim); texts: (texts, dim), unit length
        """
        known = self.backbone.knows(texts)
        matches = [
            self._background().match(vector, shown)
            for vector, is_known in zip(texts, known, strict=True)
            if is_known
        ]
        if not matches:
            return {}
        least = dict(zip(segments, np.min(matches, axis=0).tolist(), strict=True))
        # What misses one text is not what was asked for, whatever may be said of another.
        return {one: match for one, match in least.items() if all(known) or match < WEAK_BELOW}


def _reranked(
    candidates: Sequence[Candidate],
    reranker: "Reranker",
    session: Session,
    text_embedding: np.ndarray,
) -> list[Candidate]:
    """The best of the candidates in a new order; those behind them stay there, as they are."""
    best, rest = candidates[:_RERANKED], candidates[_RERANKED:]
    scores = reranker.scores(session, text_embedding, [one.segment for one in best])
    again = [replace(one, reranked=scores[one.segment]) for one in best if one.segment in scores]
    return [*sorted(again, key=lambda one: one.score, reverse=True), *rest]


def _reranker(asked: str, backbone: "Backbone", dim: int) -> "Reranker | None":
    if asked == NO_RERANKING:
        return None
    from search.finding.reranking import load_reranker

    return load_reranker(asked, backbone.identity, dim=dim, device=backbone.device)
