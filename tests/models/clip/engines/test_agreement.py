"""Engines agree by the cosines of what they give, whatever its length."""

import numpy as np
import pytest

from models.clip.engines.agreement import LEAST_AGREEMENT, agreement, cosines

OURS = np.array([[3.0, 4.0], [0.0, 2.0], [0.0, 0.0]])
THEIRS = np.array([[6.0, 8.0], [3.0, 4.0], [1.0, 0.0]])


def test_pairs_are_compared_by_their_direction_alone():
    assert cosines(OURS, THEIRS).tolist() == pytest.approx([1.0, 0.8, 0.0])


def test_the_worst_pair_counts():
    assert agreement(OURS[:2], THEIRS[:2]) == pytest.approx(0.8)
    assert LEAST_AGREEMENT == 0.999


def test_what_is_no_number_never_agrees():
    assert not agreement(np.array([[np.nan, 1.0]]), THEIRS[:1]) >= -1
