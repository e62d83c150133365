"""Answers queries: text to vector, vector to segments, segments to hits grouped by video."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import KinodexError
from search.catalog import Segment, SegmentFrames, Space, Video, VideoPath
from search.embeddings import normalised, unpack
from search.hits import Hit, Moment, Why
from search.library import Library
from search.segment_index import SegmentIndex
from search.settings import NO_RERANKING, reranker_of
from search.spaces import (
    SpaceMismatch,
    active_space,
    check_same_weights,
    choice_of,
    has_same_weights,
)
from search.vectors import Neighbours

if TYPE_CHECKING:
    import torch

    from models.backbone import Backbone
    from search.reranking import Reranker

_SEGMENTS_PER_VIDEO = 4  # fetched for each video wanted; more only when they share too few videos
_MOMENTS_PER_HIT = 5
_RERANKED = 100  # segments: reading their frames takes a few milliseconds


class EmptyLibrary(KinodexError):
    """Nothing has been indexed yet."""


def nothing_indexed(library: Library) -> EmptyLibrary:
    """What to say of a library that has no space."""
    return EmptyLibrary(
        f"nothing is indexed in {str(library.folder)!r} yet: run 'kinodex index FOLDER' first"
    )


@dataclass(frozen=True)
class _Candidate:
    segment: int
    video: int
    start_s: float
    end_s: float
    similarity: float
    reranked: float | None = None

    @property
    def score(self) -> float:
        return self.similarity if self.reranked is None else self.reranked


@dataclass(frozen=True)
class _PresentVideo:
    content_hash: str
    paths: tuple[Path, ...]


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

    def search(self, text: str, k: int = 10) -> list[Hit]:
        """The `k` videos that match `text` best. Raises KinodexError for an empty text."""
        if not text.strip():
            raise KinodexError("the query is empty: say what to look for")
        if k < 1:
            raise KinodexError("the number of results must be at least 1")
        text_embedding = self._backbone.embed_texts([text])
        return self._search(normalised(text_embedding.numpy())[0], k, text_embedding[0])

    def search_vector(self, query: np.ndarray, k: int) -> list[Hit]:
        """The `k` videos nearest to a unit vector (dim,), each with its matching moments.

        Nothing is re-ranked: that takes a text.
        """
        return self._search(query, k, None)

    def _search(
        self, query: np.ndarray, k: int, text_embedding: "torch.Tensor | None"
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
            if self._reranker is None or text_embedding is None:
                candidates = self._candidates(session, query, k, at_least=1)
            else:
                nearest = self._candidates(session, query, k, at_least=_RERANKED)
                candidates = _reranked(nearest, self._reranker, session, text_embedding)
            groups = dict(list(_by_video(candidates).items())[:k])
            return self._hits(session, query, groups)

    def _candidates(
        self, session: Session, query: np.ndarray, k: int, *, at_least: int
    ) -> list[_Candidate]:
        """The nearest segments, best first: so many that `k` videos are among them."""
        wanted = max(at_least, k * _SEGMENTS_PER_VIDEO)
        while True:
            candidates = _candidates(session, self.index.nearest(query, wanted))
            videos = {candidate.video for candidate in candidates}
            if len(videos) >= k or wanted >= len(self.index):
                return candidates
            wanted *= 4

    def _hits(
        self, session: Session, query: np.ndarray, groups: dict[int, list[_Candidate]]
    ) -> list[Hit]:
        shown = {video: group[:_MOMENTS_PER_HIT] for video, group in groups.items()}
        segments = [candidate.segment for group in shown.values() for candidate in group]
        best_frames = _best_frames(session, segments, query, self._dim)
        videos = _present_videos(session, shown)
        moments = {
            video: [_moment(candidate, best_frames) for candidate in group]
            for video, group in shown.items()
        }
        return [
            Hit(
                **vars(best),
                video=videos[video].content_hash,
                paths=videos[video].paths,
                moments=tuple(others),
            )
            for video, (best, *others) in moments.items()
            if video in videos  # it may have been removed since the index was read
        ]


def _candidates(session: Session, neighbours: Neighbours) -> list[_Candidate]:
    scores = dict(zip(neighbours.ids.tolist(), neighbours.scores.tolist(), strict=True))
    rows = session.execute(
        select(Segment.id, Segment.video_id, Segment.start_s, Segment.end_s).where(
            Segment.id.in_(list(scores))
        )
    )
    found = {row.id: _Candidate(*row, scores[row.id]) for row in rows}
    return [found[segment] for segment in scores if segment in found]


def _reranked(
    candidates: Sequence[_Candidate],
    reranker: "Reranker",
    session: Session,
    text_embedding: "torch.Tensor",
) -> list[_Candidate]:
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


def _by_video(candidates: Iterable[_Candidate]) -> dict[int, list[_Candidate]]:
    groups: dict[int, list[_Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(candidate.video, []).append(candidate)
    return groups


def _best_frames(
    session: Session, segments: Sequence[int], query: np.ndarray, dim: int
) -> dict[int, tuple[float, float]]:
    """For each segment the time of its best-matching stored frame, and that frame's cosine."""
    rows = session.execute(select(SegmentFrames).where(SegmentFrames.segment_id.in_(segments)))
    return {frames.segment_id: _best_frame(frames, query, dim) for (frames,) in rows}


def _best_frame(frames: SegmentFrames, query: np.ndarray, dim: int) -> tuple[float, float]:
    cosines = normalised(unpack([frames.embeddings], dim)) @ query
    best = int(cosines.argmax())
    times_s = np.frombuffer(frames.times_s, dtype="<f8")
    unique_index = np.frombuffer(frames.unique_index, dtype="<u2")
    first_shown = int((unique_index == best).argmax())
    return float(times_s[first_shown]), float(cosines[best])


def _present_videos(session: Session, videos: Iterable[int]) -> dict[int, _PresentVideo]:
    rows = session.execute(
        select(Video.id, Video.content_hash, VideoPath.path)
        .join(VideoPath, VideoPath.video_id == Video.id)
        .where(Video.id.in_(list(videos)), VideoPath.missing_since.is_(None))
        .order_by(Video.id, VideoPath.path)
    )
    found: dict[int, _PresentVideo] = {}
    for video, content_hash, path in rows:
        earlier = found[video].paths if video in found else ()
        found[video] = _PresentVideo(content_hash, (*earlier, path))
    return found


def _moment(candidate: _Candidate, best_frames: dict[int, tuple[float, float]]) -> Moment:
    best_s, similarity = best_frames.get(
        candidate.segment, (candidate.start_s, candidate.similarity)
    )
    return Moment(
        segment=candidate.segment,
        start_s=candidate.start_s,
        end_s=candidate.end_s,
        best_s=best_s,
        score=candidate.score,
        why=Why(candidate.similarity, similarity, candidate.reranked),
    )
