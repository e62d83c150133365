"""Embeddings and results of two engines are compared pair by pair."""

import numpy as np
import pytest

from benchmarks.computing.embeddings import compare, compare_results, found
from smallworld.exam import Exam
from tests.tiny import tiny_backbone


def test_equal_results_are_counted_in_any_order():
    before = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
    assert compare_results(before, before) == (100.0, 100.0)
    assert compare_results(before, np.array([[1, 2, 3, 4], [6, 5, 7, 9]])) == (87.5, 50.0)


def test_the_mean_and_the_worst_of_all_frames_are_told():
    one, other = tiny_backbone(), tiny_backbone(2)
    shown = np.random.default_rng(3).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    same = compare(one.choice, one, one, "noise", shown)
    assert (same.count, same.engine) == (20, "torch float32")
    assert (same.cosine_mean, same.cosine_worst) == (pytest.approx(1), pytest.approx(1))
    row = compare(one.choice, one, other, "noise", shown)
    assert row.cosine_worst < row.cosine_mean < 0.9


def test_ten_pictures_are_found_for_each_question():
    shown = np.random.default_rng(3).integers(0, 256, (12, 40, 64, 3), dtype=np.uint8)
    ranked, right = found(tiny_backbone(), Exam(shown, ["a dog", "a cat"], np.ones((2, 12), bool)))
    assert ranked.shape == (2, 10)
    assert all(len({*row}) == 10 for row in ranked.tolist())
    assert right == 100.0
