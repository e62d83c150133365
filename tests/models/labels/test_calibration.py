"""Platt scaling and thresholds, on examples whose answer is known."""

import math

import pytest
import torch

from models.labels.calibration import fit_calibration


def examples(
    count: int, *, slope: float, offset: float, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores, and truths drawn with the probabilities of this curve."""
    generator = torch.Generator().manual_seed(seed)
    scores = 40 * torch.randn(count, generator=generator) - 30
    likely = (slope * scores + offset).sigmoid()
    return scores, torch.rand(count, generator=generator) < likely


def test_the_curve_that_drew_the_examples_is_found_again():
    found = fit_calibration(*examples(50_000, slope=0.2, offset=1.5))
    assert found.scale == pytest.approx(0.2, rel=0.05)
    assert found.offset == pytest.approx(1.5, rel=0.1)


def test_scores_that_tell_little_still_tell_something():
    found = fit_calibration(*examples(50_000, slope=0.01, offset=0.2))
    assert found.scale == pytest.approx(0.01, rel=0.1)
    assert found.offset == pytest.approx(0.2, rel=0.1)


def test_it_is_where_the_cross_entropy_is_least():
    scores, holds = examples(500, slope=0.1, offset=0.5)
    found = fit_calibration(scores, holds)
    yes, no = int(holds.sum()), int((~holds).sum())
    target = torch.where(holds, (yes + 1) / (yes + 2), 1 / (no + 2)).double()

    def cost(scale: float, offset: float) -> float:
        likely = (scale * scores.double() + offset).sigmoid()
        return float(-(target * likely.log() + (1 - target) * (1 - likely).log()).mean())

    least = cost(found.scale, found.offset)
    for scale, offset in ((1.01, 0.0), (0.99, 0.0), (1.0, 0.02), (1.0, -0.02)):
        assert cost(found.scale * scale, found.offset + offset) > least


def test_scores_that_tell_all_apart_still_give_a_finite_curve():
    scores = torch.tensor([-3.0, -2.0, 2.0, 3.0])
    found = fit_calibration(scores, torch.tensor([False, False, True, True]))
    # At the least cross-entropy what is told and what is meant agree, also weighted by the score.
    told = [1 / (1 + math.exp(-found.scale * score)) for score in (2, 3)]
    assert 2 * (told[0] - 0.75) + 3 * (told[1] - 0.75) == pytest.approx(0, abs=1e-9)
    assert found.offset == pytest.approx(0, abs=1e-9)


def test_one_that_holds_far_from_many_that_do_not_is_passed_through():
    # Two different scores, so the curve goes through both targets: 1 of 202, and 2 of 3. A whole
    # step of Newton's method leads upwards here.
    scores = torch.tensor([0.0] * 200 + [5.0])
    found = fit_calibration(scores, scores > 0)
    assert found.scale == pytest.approx((math.log(2) + math.log(201)) / 5, rel=1e-6)
    assert found.offset == pytest.approx(-math.log(201), rel=1e-6)


def test_scores_that_fall_where_they_should_rise_say_nothing():
    scores = torch.tensor([3.0, 2.0, 1.0, -2.0])
    found = fit_calibration(scores, torch.tensor([False, False, False, True]))
    share = (3 * 0.2 + 1 * 2 / 3) / 4
    assert found.scale == 0
    assert found.offset == pytest.approx(math.log(share / (1 - share)))


def test_equal_scores_say_nothing():
    for score in (7.0, 0.1):
        scores = torch.full((5,), score)
        found = fit_calibration(scores, torch.tensor([True, True, True, False, False]))
        share = (3 * 4 / 5 + 2 * 1 / 4) / 5
        assert found.scale == 0
        assert found.offset == pytest.approx(math.log(share / (1 - share)))


def test_a_table_of_scores_is_taken_entry_by_entry():
    scores, holds = examples(600, slope=0.2, offset=1.5)
    table = fit_calibration(scores.reshape(200, 3), holds.reshape(200, 3))
    assert table == fit_calibration(scores, holds)


def test_both_kinds_of_examples_are_needed():
    with pytest.raises(ValueError, match="examples that hold and examples that do not"):
        fit_calibration(torch.zeros(3), torch.ones(3, dtype=torch.bool))
    with pytest.raises(ValueError, match="scores must be finite"):
        fit_calibration(torch.tensor([1.0, math.nan]), torch.tensor([True, False]))
