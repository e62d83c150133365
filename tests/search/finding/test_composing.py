"""Several terms: all of those wanted, none of those unwanted."""

import numpy as np
import pytest

from search.finding.composing import fulfilment

SAMPLE = np.random.default_rng(1).normal(size=(2000, 4))
VECTORS = np.eye(4)[:2]


def scores(weights, *heights) -> list[float]:
    """Of segments that lie so many deviations above the mean by each term."""
    cosines = SAMPLE.mean(axis=0)[:2, None] + SAMPLE.std(axis=0)[:2, None] * np.array(heights).T
    return fulfilment(weights, VECTORS, cosines, SAMPLE).tolist()


def test_both_are_better_than_much_of_one():
    both, one, none = scores([1, 1], (3, 3), (6, 0), (0, 0))
    assert 0 > both > one > none


def test_what_is_unwanted_costs_only_where_it_is():
    without, a_little, clearly = scores([1, -1], (3, -3), (3, 0), (3, 4))
    assert without - a_little < 0.01
    assert a_little - clearly > 4


def test_a_term_counts_as_found_two_deviations_above_the_mean():
    # ln(1 + e^(2 - height)), in the unit of weights
    assert scores([1, 1], (2, 40), (0, 40)) == pytest.approx([-0.69315, -2.12693], abs=1e-5)


def test_what_is_unwanted_costs_from_one_and_a_half_deviations_on():
    # twice ln(1 + e^(4 (height - 1.5))) / 4
    found = scores([1, -1], (40, 1.5), (40, 3.5), (40, 0))
    assert found == pytest.approx([-0.34657, -4.00017, -0.00124], abs=1e-5)


def test_weights_count():
    assert scores([2, 1], (2, 40)) == pytest.approx([-1.38629], abs=1e-5)
    assert scores([1, -3], (40, 1.5)) == pytest.approx([-1.03972], abs=1e-5)
    assert scores([2, 1], (3, 0))[0] > scores([1, 2], (3, 0))[0]


def test_the_scale_of_a_term_does_not_matter():
    sample = SAMPLE * [1, 100, 1, 1]
    cosines = np.array([[3.0, 0.0], [0.0, 300.0]])
    one, other = fulfilment([1, 1], VECTORS, cosines, sample)
    assert abs(one - other) < 0.1


def test_a_library_that_is_all_alike_gives_numbers():
    found = fulfilment([1, -1], VECTORS, np.zeros((2, 3)), np.zeros((1, 4)))
    assert np.isfinite(found).all()
