"""First this, then that, in a library: scores of all segments, aligned in each video."""

import numpy as np
from sqlalchemy.orm import Session

from search.alignment import Timeline, best_alignments
from search.candidates import (
    Candidate,
    Evidence,
    best_frames_of,
    make_moment,
    present_videos,
    read_candidates,
)
from search.hits import Hit, Moment
from search.scope import Scope
from search.segment_index import SegmentIndex
from search.tags import tags_of

# Standard deviations above the library's mean from which on a step is as good as found. Without
# such an end one step that is very well seen would make up for another that is not there at all.
_FOUND = 2.0


def find_sequences(
    session: Session,
    index: SegmentIndex,
    queries: np.ndarray,
    scope: Scope,
    *,
    within_s: float | None,
    k: int,
) -> list[Hit]:
    """The `k` videos in which the steps follow each other best.

    queries: (steps, dim), unit vectors
    """
    ids, timeline = _timeline(index, scope)
    if not len(ids):
        return []
    cosines = np.stack([_cosines(index, query, ids) for query in queries])
    found = best_alignments(timeline, _surprise(cosines), within_s)
    hits = []
    for total, places in zip(found.totals[:k].tolist(), found.places[:k], strict=True):
        similarities = cosines[np.arange(len(queries)), places]
        hits += _hit(session, queries, ids[places], similarities, total / len(queries))
    return hits


def _timeline(index: SegmentIndex, scope: Scope) -> tuple[np.ndarray, Timeline]:
    """The segments that may be found in order of video and time, ids (n,) first."""
    visible = index.visible()
    ids = visible if scope.ids is None else np.intersect1d(visible, scope.ids)
    columns = index.columns
    places = columns.places(ids)
    places = places[np.lexsort((columns.starts_s[places], columns.videos[places]))]
    timeline = Timeline(columns.videos[places], columns.starts_s[places], columns.ends_s[places])
    return columns.ids[places], timeline


def _cosines(index: SegmentIndex, query: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The cosine of a query with each of these segments, (n,), float64."""
    near = index.nearest(query, len(ids), among=np.sort(ids))
    order = np.argsort(near.ids)
    known, scores = near.ids[order], near.scores[order]
    places = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    # A segment that was removed just now is found nowhere.
    return np.where(known[places] == ids, scores[places], -1.0).astype(np.float64)


def _surprise(cosines: np.ndarray) -> np.ndarray:
    """Log-odds of steps being found, (steps, n): comparable between steps, and with an end."""
    mean = cosines.mean(axis=1, keepdims=True)
    deviation = np.maximum(cosines.std(axis=1, keepdims=True), 1e-6)
    surprise: np.ndarray = -np.logaddexp(0.0, _FOUND - (cosines - mean) / deviation)
    return surprise


def _hit(
    session: Session,
    queries: np.ndarray,
    segments: np.ndarray,
    similarities: np.ndarray,
    score: float,
) -> list[Hit]:
    """One hit; none when its video was removed just now."""
    candidates = read_candidates(session, segments, similarities=similarities)
    if len(candidates) < len(queries):
        return []
    videos = present_videos(session, [candidates[0].video])
    steps = tuple(
        _step(session, query, one) for query, one in zip(queries, candidates, strict=True)
    )
    return [
        Hit(
            **{**vars(steps[0]), "end_s": steps[-1].end_s, "score": score},
            video=video.content_hash,
            paths=video.paths,
            steps=steps,
        )
        for video in videos.values()
    ]


def _step(session: Session, query: np.ndarray, candidate: Candidate) -> Moment:
    segment = candidate.segment
    frames = best_frames_of(session, [segment], query, len(query))
    return make_moment(candidate, frames, tags_of(session, [segment])[segment], Evidence())
