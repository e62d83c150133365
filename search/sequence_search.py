"""First this, then that, in a library: scores of all segments, aligned in each video."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy.orm import Session

from search.alignment import Timeline, best_alignments
from search.candidates import (
    Evidence,
    PresentVideo,
    best_frames_of,
    make_moment,
    present_videos,
    read_candidates,
)
from search.hits import Hit, Moment
from search.query_vectors import StepVector, fulfilment_in
from search.scope import Scope
from search.segment_index import SegmentIndex
from search.tags import tags_of


def find_sequences(
    session: Session,
    index: SegmentIndex,
    steps: Sequence[StepVector],
    scope: Scope,
    *,
    within_s: float | None,
    k: int,
) -> list[Hit]:
    """The `k` videos in which the steps follow each other best.

    A hit's score is the product of its steps' scores, which are 1 at best.
    """
    ids, timeline = _timeline(index, scope)
    if not len(ids):
        return []
    scores = np.stack([fulfilment_in(index, step, ids) for step in steps])
    found = best_alignments(timeline, scores, within_s)
    places = found.places[:k]
    chosen = np.exp(np.take_along_axis(scores, places.T, axis=1))
    moments = [
        _moments(session, step.vector, segments, known)
        for step, segments, known in zip(steps, ids[places].T, chosen, strict=True)
    ]
    videos = present_videos(session, set(timeline.videos[places[:, 0]].tolist()))
    totals = np.exp(found.totals[:k]).tolist()
    hits = []
    for segments, total, video in zip(
        ids[places].tolist(), totals, timeline.videos[places[:, 0]].tolist(), strict=True
    ):
        # A video or a part of it may have been removed since the index was read.
        found_steps = [of.get(segment) for of, segment in zip(moments, segments, strict=True)]
        if video in videos and None not in found_steps:
            hits.append(_hit(videos[video], [one for one in found_steps if one], total))
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


def _moments(
    session: Session, query: np.ndarray, segments: np.ndarray, scores: np.ndarray
) -> dict[int, Moment]:
    """One step in many videos, by segment."""
    candidates = read_candidates(session, segments, composed=scores)
    known = [one.segment for one in candidates]
    frames = best_frames_of(session, known, query, len(query))
    tags = tags_of(session, known)
    return {
        one.segment: make_moment(one, frames, tags[one.segment], Evidence()) for one in candidates
    }


def _hit(video: PresentVideo, steps: Sequence[Moment], score: float) -> Hit:
    first = {**vars(steps[0]), "end_s": steps[-1].end_s, "score": score}
    return Hit(**first, video=video.content_hash, paths=video.paths, steps=tuple(steps))
