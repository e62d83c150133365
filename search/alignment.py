"""First this, then that: the best way to find steps in order in each video, found exactly.

Dynamic programming over the segments of all videos at once: the best that ends with step j in
segment i is the score of j in i, and the best that ends with step j - 1 in a segment before it.
"""

from dataclasses import dataclass

import numpy as np

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
    steps, count = scores.shape
    if not count:
        return Alignment(np.empty(0), np.empty((0, steps), np.int64))
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
