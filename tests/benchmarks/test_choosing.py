"""Fitting how sure a match is: what counts how much, and that reported questions take no part."""

import numpy as np
import pytest

from benchmarks.real_pictures import asking, choosing
from benchmarks.real_pictures.choosing import Cases, fitted, held_out, is_weak, left_open


def cases(seed: int = 0, distance: float = 4.0) -> Cases:
    """Questions to libraries of two sizes; what is there has more of both kinds of evidence."""
    rng = np.random.default_rng(seed)
    there = rng.random(600) < 0.3
    evidence = rng.normal(size=(600, 2)) + distance * there[:, None]
    return Cases(evidence, there, rng.integers(0, 40, 600), rng.choice([5, 20], 600, p=[0.9, 0.1]))


def test_sizes_and_both_answers_count_alike():
    one = cases()
    weights = one.weights()
    sums = [
        weights[(one.size == size) & (one.there == there)].sum()
        for size in (5, 20)
        for there in (False, True)
    ]
    assert sums == pytest.approx([250.0] * 4)


def test_where_evidence_tells_nothing_both_answers_are_as_likely():
    one = cases(distance=0.0)
    one = Cases(0 * one.evidence, one.there, one.asked, one.size)
    assert fitted([one]) == pytest.approx([0, 0, 0], abs=1e-6)


def test_evidence_that_tells_is_used_and_held_out_questions_are_called_right():
    calibration = fitted([cases(), cases(1)])
    assert (calibration[:2] > 0.5).all()
    assert (is_weak(cases(2), calibration) == ~cases(2).there).mean() > 0.97
    rows = list(held_out({"one": cases(), "another": cases(1)}))
    assert [(row.world, row.size) for row in rows] == [
        ("one", 5),
        ("one", 20),
        ("another", 5),
        ("another", 20),
    ]
    assert min(row.absent_weak for row in rows) > 95
    assert max(row.present_weak for row in rows) < 10


def test_a_question_that_is_left_open_is_neither_right_nor_wrong():
    one = cases()
    none, *_, all_but_few = left_open(one, np.linspace(0, 1, 40), fitted([one]))
    assert (none.absent_open, none.present_open) == (0, 0)
    assert all_but_few.absent_open + all_but_few.absent_right < 100.0001
    assert all_but_few.absent_open > 30
    assert all_but_few.present_wrong <= none.present_wrong


def test_no_reported_question_is_fitted_to():
    chosen = {one.words for one in choosing.read_questions()}
    reported = {one.words for one in asking.questions()}
    assert len(chosen) == 250
    assert not chosen & reported
