"""First this, then that: exact, in order, within reach."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from search.catalog.places import PresentVideo
from search.finding.hits import Moment, Why
from search.finding.sequences import Timeline, _hit, best_alignments


def timeline(*lengths: int, step_s: float = 10.0) -> Timeline:
    """A video of so many segments for each number."""
    videos = np.concatenate([np.full(n, 5 + 2 * i) for i, n in enumerate(lengths)])
    starts = np.concatenate([np.arange(n) * step_s for n in lengths])
    return Timeline(videos, starts, starts + step_s)


def by_hand(line: Timeline, scores: np.ndarray, within_s: float | None) -> dict[int, float]:
    """The best total of each video, by trying everything."""
    reach_s = 1e9 if within_s is None else within_s
    best: dict[int, float] = {}
    for places in itertools.combinations(range(len(line.videos)), len(scores)):
        same = len({line.videos[place] for place in places}) == 1
        gaps = [line.starts_s[b] - line.ends_s[a] for a, b in itertools.pairwise(places)]
        if same and all(-0.01 <= gap <= reach_s + 0.01 for gap in gaps):
            total = sum(scores[step, place] for step, place in enumerate(places))
            video = int(line.videos[places[0]])
            best[video] = max(best.get(video, -np.inf), total)
    return best


def test_the_order_of_events_decides():
    line = timeline(2, 2)
    scores = np.array([[0.9, 0.1, 0.1, 0.9], [0.1, 0.9, 0.9, 0.1]])
    found = best_alignments(line, scores, None)
    assert found.places.tolist() == [[0, 1], [2, 3]]
    assert found.totals.tolist() == pytest.approx([1.8, 0.2])


def test_what_lies_too_far_apart_is_no_sequence():
    line = timeline(4)
    scores = np.array([[1.0, 0, 0, 0], [0, 0, 0, 1.0]])
    assert best_alignments(line, scores, 20.0).places.tolist() == [[0, 3]]
    assert best_alignments(line, scores, 19.0).totals.tolist() == [1.0]


@pytest.mark.parametrize(
    ("starts_s", "ends_s", "within_s", "found"),
    [
        ([0.0, 10.009], [10.0, 20.0], 0.0, True),  # times are rounded in the catalog
        ([0.0, 10.011], [10.0, 20.0], 0.0, False),
        ([0.0, 9.991], [10.0, 20.0], None, True),
        ([0.0, 9.989], [10.0, 20.0], None, False),
        ([0.0, 15.009], [10.0, 20.0], 5.0, True),
        ([0.0, 15.011], [10.0, 20.0], 5.0, False),
    ],
)
def test_steps_touch_within_a_hundredth_of_a_second(starts_s, ends_s, within_s, found):
    line = Timeline(np.array([3, 3]), np.array(starts_s), np.array(ends_s))
    scores = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert (len(best_alignments(line, scores, within_s).totals) == 1) is found


def test_no_step_reaches_into_another_video_however_far_it_may():
    line = timeline(1, 1, 1)
    assert len(best_alignments(line, np.ones((2, 3)), 1e6).totals) == 0
    assert len(best_alignments(line, np.ones((2, 3)), None).totals) == 0


def test_the_first_of_equal_places_is_taken_and_equal_videos_keep_their_order():
    found = best_alignments(timeline(3, 3), np.ones((2, 6)), None)
    assert found.places.tolist() == [[0, 1], [3, 4]]


def test_a_video_of_too_few_segments_is_left_out():
    found = best_alignments(timeline(1, 3), np.ones((2, 4)), None)
    assert found.places.tolist() == [[1, 2]]


def test_nothing_comes_of_nothing():
    found = best_alignments(timeline(0), np.ones((2, 0)), None)
    assert (found.totals.shape, found.places.shape) == ((0,), (0, 2))


@pytest.mark.parametrize("within_s", [None, 0.0, 10.0, 35.0])
@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_the_best_of_all_ways_is_found(steps, within_s):
    rng = np.random.default_rng(steps)
    for _ in range(20):
        line = timeline(*rng.integers(0, 6, 4))
        scores = rng.normal(size=(steps, len(line.videos)))
        found = best_alignments(line, scores, within_s)
        videos = line.videos[found.places[:, 0]].tolist()
        assert dict(zip(videos, found.totals, strict=True)) == pytest.approx(
            by_hand(line, scores, within_s)
        )
        assert (np.diff(found.totals) <= 0).all()
        sums = scores[np.arange(steps), found.places].sum(axis=1)
        assert sums == pytest.approx(found.totals)


def test_a_hit_spans_all_of_its_steps():
    why = Why(0.5, 0.6, None, None, ())
    steps = [Moment(number, 10.0 * number, 10.0 * number + 5, 1.0, 0.1, None, why, ())
             for number in range(4)]  # fmt: skip
    hit = _hit(PresentVideo("hash", 99.0, (Path("/v/a.mp4"),)), steps, 0.7)
    assert (hit.segment, hit.start_s, hit.end_s, hit.score) == (0, 0.0, 35.0, 0.7)
    assert hit.steps == tuple(steps)
    assert (hit.video, hit.paths) == ("hash", (Path("/v/a.mp4"),))
