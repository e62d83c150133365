"""Answers queries: text to vector, vector to segments, segments to hits grouped by video."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import KinodexError
from search.candidates import Candidate, first_videos, make_hits, read_candidates
from search.catalog import Space
from search.embeddings import normalised
from search.hits import Hit
from search.library import EmptyLibrary, Library, nothing_indexed
from search.segment_index import SegmentIndex
from search.settings import NO_RERANKING, reranker_of
from search.spaces import (
    SpaceMismatch,
    active_space,
    check_same_weights,
    choice_of,
    has_same_weights,
)
from search.tags import TagFilter, Tagged, find_tagged

if TYPE_CHECKING:
    import torch

    from models.backbone import Backbone
    from search.reranking import Reranker

_SEGMENTS_PER_VIDEO = 4  # fetched for each video wanted; more only when they share too few videos
_RERANKED = 100  # segments: reading their frames takes a few milliseconds


class SearchEngine:
    """A loaded model and a vector index over one library's active space."""

    def __init__(
        self,
        library: Library,
        space: Space,
        backbone: "Backbone",
        *,
        rerank: str = NO_RERANKING,
    ) -> None:
        check_same_weights(space, backbone.identity)
        self._library = library
        self._dim = space.dim
        self._backbone = backbone
        self._reranker = _reranker(rerank, backbone, space.dim)
        self._space_key = space.key
        self.index = SegmentIndex(library, space)

    @classmethod
    def for_library(
        cls,
        library: Library,
        backbone: "Backbone | None" = None,
        *,
        rerank: str | None = None,
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
            session.expunge(space)
        if backbone is None:
            from models.backbone import load_backbone

            backbone = load_backbone(choice_of(space))
        return cls(library, space, backbone, rerank=rerank or reranker_of(library))

    def follow(self) -> bool:
        """Take up the space that searches shall use, if that has changed.

        False when it needs another model than this engine has; all else stays as it was then.
        """
        with self._library.reading() as session:
            key = session.scalar(select(Space.key).where(Space.active))
            if key in (self._space_key, None):
                return True
            space = active_space(session)
            if space is None or not has_same_weights(space, self._backbone.identity):
                return False
            session.expunge(space)
        index = SegmentIndex(self._library, space)
        index.refresh()  # before other threads see it
        self.index, self._space_key = index, space.key
        return True

    def search(self, text: str, k: int = 10, *, tags: TagFilter | None = None) -> list[Hit]:
        """The `k` videos that match `text` best, by their segments that have these tags.

        Raises KinodexError for an empty text, and UnknownLabel.
        """
        if not text.strip():
            raise KinodexError("the query is empty: say what to look for")
        if k < 1:
            raise KinodexError("the number of results must be at least 1")
        text_embedding = self._backbone.embed_texts([text])
        return self._search(normalised(text_embedding.numpy())[0], k, text_embedding[0], tags)

    def search_vector(
        self, query: np.ndarray, k: int, *, tags: TagFilter | None = None
    ) -> list[Hit]:
        """The `k` videos nearest to a unit vector (dim,), each with its matching moments.

        Nothing is re-ranked: that takes a text.
        """
        return self._search(query, k, None, tags)

    def _search(
        self,
        query: np.ndarray,
        k: int,
        text_embedding: "torch.Tensor | None",
        tags: TagFilter | None,
    ) -> list[Hit]:
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
        with self._library.reading() as session:
            tagged = find_tagged(session, tags) if tags else None
            if self._reranker is None or text_embedding is None:
                candidates = self._candidates(session, query, k, tagged, at_least=1)
            else:
                nearest = self._candidates(session, query, k, tagged, at_least=_RERANKED)
                candidates = _reranked(nearest, self._reranker, session, text_embedding)
            return make_hits(session, first_videos(candidates, k), query, self._dim)

    def _candidates(
        self,
        session: Session,
        query: np.ndarray,
        k: int,
        tagged: Tagged | None,
        *,
        at_least: int,
    ) -> list[Candidate]:
        """The nearest segments, best first: so many that `k` videos are among them."""
        among = None if tagged is None else tagged.ids
        present = len(self.index) if among is None else min(len(self.index), len(among))
        wanted = max(at_least, k * _SEGMENTS_PER_VIDEO)
        while present:
            nearest = self.index.nearest(query, wanted, among=among)
            candidates = read_candidates(
                session, nearest.ids, similarities=nearest.scores, tagged=tagged
            )
            videos = {candidate.video for candidate in candidates}
            if len(videos) >= k or wanted >= present:
                return candidates
            wanted *= 4
        return []


def _reranked(
    candidates: Sequence[Candidate],
    reranker: "Reranker",
    session: Session,
    text_embedding: "torch.Tensor",
) -> list[Candidate]:
    """The best of the candidates in a new order; those behind them stay there, as they are."""
    best, rest = candidates[:_RERANKED], candidates[_RERANKED:]
    scores = reranker.scores(session, text_embedding, [one.segment for one in best])
    again = [replace(one, reranked=scores[one.segment]) for one in best if one.segment in scores]
    return [*sorted(again, key=lambda one: one.score, reverse=True), *rest]


def _reranker(asked: str, backbone: "Backbone", dim: int) -> "Reranker | None":
    if asked == NO_RERANKING:
        return None
    from search.reranking import load_reranker

    return load_reranker(asked, backbone.identity, dim=dim, device=backbone.device)
