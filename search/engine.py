"""Answers queries: text to vector, vector to segments, segments to hits grouped by video."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
from search.spaces import active_space, check_same_weights, choice_of
from search.vectors import Neighbours

if TYPE_CHECKING:
    from models.backbone import Backbone

_SEGMENTS_PER_VIDEO = 4  # fetched for each video wanted; more only when they share too few videos
_MOMENTS_PER_HIT = 5


class EmptyLibrary(KinodexError):
    """Nothing has been indexed yet."""


@dataclass(frozen=True)
class _Candidate:
    segment: int
    video: int
    start_s: float
    end_s: float
    score: float


@dataclass(frozen=True)
class _PresentVideo:
    content_hash: str
    paths: tuple[Path, ...]


class SearchEngine:
    """A loaded model and a vector index over one library's active space."""

    def __init__(self, library: Library, space: Space, backbone: "Backbone") -> None:
        check_same_weights(space, backbone.identity)
        self._library = library
        self._dim = space.dim
        self._backbone = backbone
        self.index = SegmentIndex(library, space)

    @classmethod
    def for_library(cls, library: Library, backbone: "Backbone | None" = None) -> "SearchEngine":
        """The engine of a library's active space; loads the library's own model if none is given.

        Raises EmptyLibrary, ModelUnavailable, or SpaceMismatch when the weights have changed.
        """
        with library.reading() as session:
            space = active_space(session)
            if space is None:
                raise EmptyLibrary(
                    f"nothing is indexed in {str(library.folder)!r} yet: "
                    "run 'kinodex index FOLDER' first"
                )
            session.expunge(space)
        if backbone is None:
            from models.backbone import load_backbone

            backbone = load_backbone(choice_of(space))
        return cls(library, space, backbone)

    def search(self, text: str, k: int = 10) -> list[Hit]:
        """The `k` videos that match `text` best. Raises KinodexError for an empty text."""
        if not text.strip():
            raise KinodexError("the query is empty: say what to look for")
        if k < 1:
            raise KinodexError("the number of results must be at least 1")
        return self.search_vector(self.embed(text), k)

    def embed(self, text: str) -> np.ndarray:
        """The unit query vector of a text, shape (dim,)."""
        return normalised(self._backbone.embed_texts([text]).numpy())[0]

    def search_vector(self, query: np.ndarray, k: int) -> list[Hit]:
        """The `k` videos nearest to a unit vector (dim,), each with its matching moments."""
        self.index.refresh()
        if not len(self.index):
            raise EmptyLibrary(
                f"no video of {str(self._library.folder)!r} is indexed and present: "
                "run 'kinodex index FOLDER', or bring the folder back and run it again"
            )
        with self._library.reading() as session:
            groups = self._nearest_videos(session, query, k)
            return self._hits(session, query, groups)

    def _nearest_videos(
        self, session: Session, query: np.ndarray, k: int
    ) -> dict[int, list[_Candidate]]:
        """Candidates by video, best video first, widening until `k` videos are among them."""
        wanted = k * _SEGMENTS_PER_VIDEO
        while True:
            neighbours = self.index.nearest(query, wanted)
            groups = _by_video(_candidates(session, neighbours))
            if len(groups) >= k or wanted >= len(self.index):
                return dict(list(groups.items())[:k])
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
    best_s, similarity = best_frames.get(candidate.segment, (candidate.start_s, candidate.score))
    return Moment(
        segment=candidate.segment,
        start_s=candidate.start_s,
        end_s=candidate.end_s,
        best_s=best_s,
        score=candidate.score,
        why=Why(segment_similarity=candidate.score, frame_similarity=similarity),
    )
