"""Feedback moves a query that says little, and leaves one alone that says it well."""

import numpy as np
import pytest

from search.catalog.embeddings import normalised
from search.finding.composing import moved

SAMPLE = normalised(np.random.default_rng(1).normal(size=(300, 32)) + 2)
QUERY = normalised(np.random.default_rng(2).normal(size=(1, 32)))[0]
NONE = np.empty((0, 32))


def test_the_query_nears_what_was_right_and_leaves_what_was_wrong():
    liked, unliked = SAMPLE[3:5], SAMPLE[7:8]
    query = moved(QUERY, liked, unliked, sample=SAMPLE, said_well=0.0)
    mean = SAMPLE.mean(axis=0)
    assert np.linalg.norm(query) == pytest.approx(1)
    assert ((liked - mean) @ query > (liked - mean) @ QUERY).all()
    assert ((unliked - mean) @ query < (unliked - mean) @ QUERY).all()


def test_a_query_that_says_it_well_stays():
    query = moved(QUERY, SAMPLE[:2], SAMPLE[2:3], sample=SAMPLE, said_well=1.0)
    assert query == pytest.approx(QUERY)


def test_nothing_said_changes_nothing():
    assert moved(QUERY, NONE, NONE, sample=SAMPLE, said_well=0.0) == pytest.approx(QUERY)


def test_a_library_of_one_segment_does_no_harm():
    query = moved(QUERY, SAMPLE[:1], NONE, sample=SAMPLE[:1], said_well=0.0)
    assert np.isfinite(query).all()


# Segments on both sides of a mean along two axes, all at the same place along a third: scores by
# either of the first two axes have a deviation of half the square root of two.
FOUR = np.array([[1, 0, 1], [-1, 0, 1], [0, 1, 1], [0, -1, 1]], np.float64)
ACROSS, UP = FOUR[:1], FOUR[2:3]


@pytest.mark.parametrize(
    ("liked", "unliked", "said_well", "direction"),
    [
        (UP, NONE, 0.0, (1, 1, 0)),
        (UP, NONE, 0.5, (1, 0.5**2.5, 0)),
        (NONE, UP, 0.0, (1, -0.25, 0)),
        (UP, FOUR[3:], 0.0, (1, 1.25, 0)),
        (np.concatenate([UP, ACROSS]), NONE, 0.0, (1 + 0.5**0.5, 0.5**0.5, 0)),
    ],
)
def test_examples_count_by_how_far_they_spread_the_library(liked, unliked, said_well, direction):
    query = moved(np.eye(3)[0], liked, unliked, sample=FOUR, said_well=said_well)
    assert query == pytest.approx(normalised(np.array([direction], np.float64))[0])
