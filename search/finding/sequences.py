"""First this, then that: the best way to find steps in order in each video, found exactly.

Dynamic programming over the segments of all videos at once: the best that ends with step j in
segment i is the score of j in i, and the best that ends with step j - 1 in a segment before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from search.catalog.places import PresentVideo, present_videos
from search.finding.filters import Scope
from search.finding.grouping import moments_of, read_candidates
from search.finding.hits import Hit, Moment
from search.finding.query_vectors import StepVector, fulfilment_in
from search.vectors.segment_index import SegmentIndex

# Segments touch each other, and their times are rounded in the catalog.
_TOUCHING_S = 0.01


@dataclass(frozen=True)
class Timeline:
    """Segments in order of video and start, which do not overlap; all arrays (n,)."""

    videos: np.ndarray
    starts_s: np.ndarray
    ends_s: np.ndarray

    def windows(self, within_s: float | None) -> tuple[np.ndarray, np.ndarray]:
        """For each segment, which ones may hold the step before: from, and up to before, (n,) each.

        Those are in the same video, end before it begins, and at most `within_s` before.
        """
        number = np.cumsum(np.diff(self.videos, prepend=self.videos[:1]) != 0)
        longest_s = float(self.ends_s.max(initial=0.0)) + 2 * _TOUCHING_S
        reach_s = longest_s if within_s is None else min(within_s, longest_s)
        # Videos one after the other on one line, so far apart that nobody reaches into another.
        shift_s = number * (3 * longest_s + 1)
        ends_s, starts_s = self.ends_s + shift_s, self.starts_s + shift_s
        return (
            np.searchsorted(ends_s, starts_s - reach_s - _TOUCHING_S, side="left"),
            np.searchsorted(ends_s, starts_s + _TOUCHING_S, side="right"),
        )


@dataclass(frozen=True)
class Alignment:
    """The best of each video in which all steps can be found, best video first.

    totals: (videos,), the sum of the steps' scores
    places: (videos, steps), which segments of the timeline
    """

    totals: np.ndarray
    places: np.ndarray


def best_alignments(timeline: Timeline, scores: np.ndarray, within_s: float | None) -> Alignment:
    """Where steps with these scores, (steps, n), follow each other best in each video."""
    since, until = timeline.windows(within_s)
    best = scores[0].astype(np.float64)
    before: list[np.ndarray] = []
    for step in scores[1:]:
        chosen = _window_argmax(best, since, until)
        before.append(chosen)
        best = np.where(chosen >= 0, step + best[chosen], -np.inf)
    last = _best_of_each(timeline.videos, best)
    places = [last]
    for chosen in reversed(before):
        places.append(chosen[places[-1]])
    order = np.argsort(-best[last], kind="stable")
    return Alignment(best[last][order], np.stack(places[::-1], axis=1)[order])


def _best_of_each(videos: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """The place of the highest total of each video; videos without any are left out."""
    order = np.lexsort((np.arange(len(videos)), -totals, videos))
    first = order[np.diff(videos[order], prepend=-1) != 0]
    return first[np.isfinite(totals[first])]


def _window_argmax(values: np.ndarray, since: np.ndarray, until: np.ndarray) -> np.ndarray:
    """Where the highest of values[since:until] stands, the first of equal ones; -1 for none.

    By a sparse table: the best of 1, 2, 4, … neighbours, of which two cover any window.
    """
    lengths = np.maximum(until - since, 0)
    level = np.log2(np.maximum(lengths, 1)).astype(np.int64)
    table = np.arange(len(values))
    found = np.full(len(values), -1)
    for power in range(int(level.max(initial=0)) + 1):
        here = (level == power) & (lengths > 0)
        found[here] = _better(values, table[since[here]], table[until[here] - 2**power])
        ahead = np.minimum(np.arange(len(values)) + 2**power, len(values) - 1)
        table = _better(values, table, table[ahead])
    # A step that nothing leads to leads nowhere.
    return np.where((found >= 0) & np.isfinite(values[found]), found, -1)


def _better(values: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.where(values[other] > values[one], other, one)


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
        moments_of(
            session, read_candidates(session, segments, composed=known), step.vector, index.dim
        )
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


def _hit(video: PresentVideo, steps: Sequence[Moment], score: float) -> Hit:
    first = {**vars(steps[0]), "end_s": steps[-1].end_s, "score": score}
    return Hit(**first, video=video.content_hash, paths=video.paths, steps=tuple(steps))
