"""Segments become the moments of hits: neighbours that show the same are one."""

import numpy as np
import pytest

from search.catalog.tables import SegmentFrames
from search.finding.grouping import Candidate, _best_frame, first_videos, merged


def one(segment: int, start_s: float, end_s: float, video: int = 1) -> Candidate:
    return Candidate(segment, video, start_s, end_s)


def along(*cosines: float) -> dict[int, np.ndarray]:
    """Unit vectors of segments 1, 2, … with these cosines with the first axis."""
    return {
        number: np.array([cosine, (1 - cosine**2) ** 0.5])
        for number, cosine in enumerate(cosines, 1)
    }


def spans(candidates: list[Candidate], embeddings: dict[int, np.ndarray]) -> list[tuple]:
    return [(c.segment, c.start_s, c.end_s) for c in merged(candidates, embeddings)]


@pytest.mark.parametrize(
    ("scores", "score"),
    [
        ({}, 0.0),
        ({"tag_probability": 0.1}, 0.1),
        ({"tag_probability": 0.1, "similarity": 0.2}, 0.2),
        ({"similarity": 0.2, "composed": 0.3}, 0.3),
        ({"composed": 0.3, "reranked": 0.4}, 0.4),
        ({"similarity": 0.0, "tag_probability": 0.9}, 0.0),
    ],
)
def test_the_last_of_its_scores_ranks_a_candidate(scores, score):
    assert Candidate(1, 1, 0.0, 1.0, **scores).score == score


def test_videos_are_as_many_as_asked_for_with_all_their_candidates():
    found = [one(1, 0, 1, 7), one(2, 0, 1, 5), one(3, 0, 1, 9), one(4, 1, 2, 7), one(5, 1, 2, 9)]
    groups = first_videos(found, 2)
    assert {video: [c.segment for c in group] for video, group in groups.items()} == {
        7: [1, 4],
        5: [2],
    }
    assert list(groups) == [7, 5]


def test_neighbours_grow_together_on_both_sides():
    found = [one(1, 10, 20), one(2, 30, 40), one(3, 20, 30), one(4, 0, 10), one(5, 50, 60)]
    assert spans(found, along(1, 1, 1, 1, 1)) == [(1, 0, 40), (5, 50, 60)]


@pytest.mark.parametrize(
    ("gap_s", "spans_found"),
    [(0.04, [(1, 0, 20)]), (0.06, [(1, 0, 10), (2, 10.06, 20)]), (-3, [(1, 0, 20)])],
)
def test_neighbours_touch_within_a_twentieth_of_a_second(gap_s, spans_found):
    assert spans([one(1, 0, 10), one(2, 10 + gap_s, 20)], along(1, 1)) == spans_found
    mirrored = [one(1, 10, 20), one(2, 0, 10 - gap_s)]
    assert len(merged(mirrored, along(1, 1))) == len(spans_found)


@pytest.mark.parametrize(("cosine", "moments"), [(0.951, 1), (0.949, 2), (0.0, 2)])
def test_neighbours_are_one_moment_where_they_look_the_same(cosine, moments):
    assert len(merged([one(1, 0, 10), one(2, 10, 20)], along(1, cosine))) == moments


def test_likeness_is_to_the_best_and_not_to_the_last_that_was_taken_in():
    found = [one(1, 0, 10), one(2, 10, 20), one(3, 20, 30)]
    assert spans(found, along(1, 0.96, 0.9)) == [(1, 0, 20), (3, 20, 30)]


@pytest.mark.parametrize("known", [1, 2])
def test_a_segment_without_an_embedding_stays_alone(known):
    assert len(merged([one(1, 0, 10), one(2, 10, 20)], {known: np.array([1.0, 0.0])})) == 2


def test_the_best_frame_is_the_first_time_at_which_it_was_shown():
    embeddings = np.array([[0, 5], [3, 4], [0, -1]], "<f2")
    frames = SegmentFrames(
        times_s=np.array([1.0, 1.5, 2.0, 2.5]).tobytes(),
        unique_index=np.array([0, 1, 1, 2], "<u2").tobytes(),
        embeddings=embeddings.tobytes(),
    )
    assert _best_frame(frames, np.array([1.0, 0.0]), 2) == (1.5, pytest.approx(0.6, abs=1e-6))
