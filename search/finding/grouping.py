"""From segments that were found to hits: one for each video, with its moments and their tags.

Neighbours that show the same thing become one moment.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from search.catalog.embeddings import normalised, unpack
from search.catalog.places import in_chunks, present_videos
from search.catalog.tables import Segment, SegmentFrames
from search.finding.hits import Hit, Moment, Why
from search.tags.reading import Tag, Tagged, tags_of

# Segments of one long shot are cut at the longest length and go on showing the same. This cosine of
# two segments holds for models whose segments otherwise are about as far apart: half of all pairs
# have less than 0.27 with the bundled model and 0.23 with `imagenet`, one in a hundred more than
# 0.71 and 0.67; two views of one photograph have 0.98 and more.
SAME = 0.95
_TOUCHING_S = 0.05


@dataclass(frozen=True)
class Candidate:
    """A segment that may become a moment of a hit. What ranks it is the last of its scores."""

    segment: int
    video: int
    start_s: float
    end_s: float
    tag_probability: float | None = None
    similarity: float | None = None
    composed: float | None = None
    reranked: float | None = None

    @property
    def score(self) -> float:
        """What ranks it."""
        scores = (self.reranked, self.composed, self.similarity, self.tag_probability)
        return next((score for score in scores if score is not None), 0.0)


def read_candidates(
    session: Session,
    ids: np.ndarray,
    *,
    similarities: np.ndarray | None = None,
    composed: np.ndarray | None = None,
    tagged: Tagged | None = None,
) -> list[Candidate]:
    """The segments of these ids, in order; those that have been removed are left out."""
    order = ids.tolist()
    near = {} if similarities is None else dict(zip(order, similarities.tolist(), strict=True))
    fulfilled = {} if composed is None else dict(zip(order, composed.tolist(), strict=True))
    likely = tagged.by_segment() if tagged else {}
    found: dict[int, Candidate] = {}
    for chunk in in_chunks(order):
        rows = session.execute(
            select(Segment.id, Segment.video_id, Segment.start_s, Segment.end_s).where(
                Segment.id.in_(chunk)
            )
        )
        for row in rows:
            found[row.id] = Candidate(
                *row,
                tag_probability=likely.get(row.id),
                similarity=near.get(row.id),
                composed=fulfilled.get(row.id),
            )
    return [found[segment] for segment in order if segment in found]


def first_videos(candidates: Iterable[Candidate], k: int) -> dict[int, list[Candidate]]:
    """Candidates by video, best first: `k` videos at most."""
    groups: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        if candidate.video in groups or len(groups) < k:
            groups.setdefault(candidate.video, []).append(candidate)
    return groups


@dataclass(frozen=True)
class Evidence:
    """What else is known of the segments, by segment.

    matches: how surely they match
    terms: of a query of several terms, each with its cosine
    """

    matches: Mapping[int, float] = field(default_factory=dict)
    terms: Mapping[int, tuple[tuple[str, float], ...]] = field(default_factory=dict)


def make_hits(
    session: Session,
    groups: Mapping[int, Sequence[Candidate]],
    query: np.ndarray | None,
    dim: int,
    evidence: Evidence | None = None,
) -> list[Hit]:
    """A hit for each video, with all its candidates as moments.

    query: (dim,), unit length, what the best frame of a segment is nearest to; without it a
        segment's start stands for it
    """
    candidates = [candidate for group in groups.values() for candidate in group]
    found = moments_of(session, candidates, query, dim, evidence)
    videos = present_videos(session, groups)
    moments = {video: [found[one.segment] for one in group] for video, group in groups.items()}
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


def moments_of(
    session: Session,
    candidates: Sequence[Candidate],
    query: np.ndarray | None,
    dim: int,
    evidence: Evidence | None = None,
) -> dict[int, Moment]:
    """The moment of each candidate, by segment. query: as of `make_hits`"""
    segments = [candidate.segment for candidate in candidates]
    best_frames = {} if query is None else best_frames_of(session, segments, query, dim)
    tags = tags_of(session, segments)
    return {
        one.segment: _moment(one, best_frames, tags[one.segment], evidence or Evidence())
        for one in candidates
    }


def best_frames_of(
    session: Session, segments: Sequence[int], query: np.ndarray, dim: int
) -> dict[int, tuple[float, float]]:
    """For each segment the time of its best-matching stored frame, and that frame's cosine."""
    return {
        frames.segment_id: _best_frame(frames, query, dim)
        for chunk in in_chunks(segments)
        for frames in session.scalars(
            select(SegmentFrames).where(SegmentFrames.segment_id.in_(chunk))
        )
    }


def _best_frame(frames: SegmentFrames, query: np.ndarray, dim: int) -> tuple[float, float]:
    cosines = normalised(unpack([frames.embeddings], dim)) @ query
    best = int(cosines.argmax())
    times_s = np.frombuffer(frames.times_s, dtype="<f8")
    unique_index = np.frombuffer(frames.unique_index, dtype="<u2")
    first_shown = int((unique_index == best).argmax())
    return float(times_s[first_shown]), float(cosines[best])


def _moment(
    candidate: Candidate,
    best_frames: Mapping[int, tuple[float, float]],
    tags: tuple[Tag, ...],
    evidence: Evidence,
) -> Moment:
    best_s, similarity = best_frames.get(
        candidate.segment, (candidate.start_s, candidate.similarity)
    )
    return Moment(
        segment=candidate.segment,
        start_s=candidate.start_s,
        end_s=candidate.end_s,
        best_s=best_s,
        score=candidate.score,
        match=evidence.matches.get(candidate.segment),
        why=Why(
            candidate.similarity,
            similarity,
            candidate.reranked if candidate.reranked is not None else candidate.composed,
            candidate.tag_probability,
            evidence.terms.get(candidate.segment, ()),
        ),
        tags=tags,
    )


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
