"""The Kullback-Leibler loss against formulas written out here."""

import math

import pytest
import torch

from models.training.losses import contrastive_loss, kl_loss, same_video

LABELS = torch.tensor([3, 1, 3, 0, 1, 3])
SAME = same_video(LABELS, LABELS)
UNIQUE = torch.eye(6, dtype=torch.bool)


@pytest.fixture
def logits() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 8 * torch.randn(6, 6, generator=generator, dtype=torch.float64)


def written_out(scores: list[list[float]], same: list[list[bool]], temperature: float) -> float:
    """Σ q (ln q − ln p) / B over rows, with sums in the place of torch's functions."""
    total = 0.0
    for row, agree in zip(scores, same, strict=True):
        weights = [math.exp(temperature * one) for one in agree]
        odds = [math.exp(one) for one in row]
        for weight, odd in zip(weights, odds, strict=True):
            target, found = weight / sum(weights), odd / sum(odds)
            total += target * (math.log(target) - math.log(found))
    return total / len(scores)


@pytest.mark.parametrize("temperature", [1.0, 10.0])
def test_it_is_its_formula_both_ways(logits, temperature):
    rows = written_out(logits.tolist(), SAME.tolist(), temperature)
    columns = written_out(logits.T.tolist(), SAME.T.tolist(), temperature)
    loss = kl_loss(logits, same_label=SAME, target_temperature=temperature)
    assert float(loss) == pytest.approx((rows + columns) / 2, abs=1e-12)


def test_of_several_labels_a_text_may_be_right_for_some_videos_only(logits):
    right = UNIQUE.clone()
    right[0, 4] = right[2, 1] = True
    expected = written_out(logits.tolist(), right.tolist(), 10.0)
    expected += written_out(logits.T.tolist(), right.T.tolist(), 10.0)
    assert float(kl_loss(logits, same_label=right)) == pytest.approx(expected / 2, abs=1e-12)


def test_with_hard_targets_and_unique_labels_it_is_the_contrastive_loss(logits):
    loss = kl_loss(logits, same_label=UNIQUE, target_temperature=math.inf)
    assert float(loss) == pytest.approx(float(contrastive_loss(logits)), abs=1e-12)


def test_a_very_large_temperature_comes_to_hard_targets(logits):
    large = kl_loss(logits, same_label=SAME, target_temperature=80.0)
    hard = kl_loss(logits, same_label=SAME, target_temperature=math.inf)
    assert float(large) == pytest.approx(float(hard), abs=1e-12)


def test_hard_targets_are_the_contrastive_loss_less_their_entropy(logits):
    counts = SAME.sum(dim=1).double()
    loss = kl_loss(logits, same_label=SAME, target_temperature=math.inf)
    expected = contrastive_loss(logits, positives=SAME) - counts.log().mean()
    assert float(loss) == pytest.approx(float(expected), abs=1e-12)


def test_it_is_never_negative_and_zero_at_its_optimum(logits):
    assert float(kl_loss(logits, same_label=SAME)) > 0
    best = 10.0 * SAME.double() - 3.7
    assert float(kl_loss(best, same_label=SAME)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("batch", "loss"), [(128, 0.51), (256, 1.02), (1024, 3.95)])
def test_perfect_cosines_at_a_scale_of_100_still_cost_what_the_batch_makes_them(batch, loss):
    perfect = 100 * torch.eye(batch)
    found = kl_loss(perfect, same_label=torch.eye(batch, dtype=torch.bool))
    assert float(found) == pytest.approx(loss, abs=0.005)


def test_the_order_of_the_samples_does_not_matter(logits):
    order = torch.tensor([4, 0, 5, 2, 1, 3])
    moved = kl_loss(logits[order][:, order], same_label=SAME[order][:, order])
    assert float(moved) == pytest.approx(float(kl_loss(logits, same_label=SAME)), abs=1e-12)


def test_exchanging_texts_and_videos_changes_nothing(logits):
    assert kl_loss(logits.T, same_label=SAME.T) == kl_loss(logits, same_label=SAME)


def test_when_all_labels_are_equal_constant_logits_are_best(logits):
    everything = torch.ones(6, 6, dtype=torch.bool)
    assert float(kl_loss(torch.full((6, 6), 2.5), same_label=everything)) == pytest.approx(
        0, abs=1e-6
    )
    assert float(kl_loss(logits, same_label=everything)) > 0.1


def test_samples_of_one_label_have_equal_targets(logits):
    logits.requires_grad_()
    same_rows = torch.cat([logits[:1].detach()] * 6).requires_grad_()
    rows = kl_loss(same_rows, same_label=SAME)
    (gradient,) = torch.autograd.grad(rows, same_rows)
    assert torch.equal(gradient[0], gradient[2])
    assert torch.equal(gradient[1], gradient[4])
    assert not torch.allclose(gradient[0], gradient[1])


def test_a_text_that_is_right_nowhere_counts_only_as_a_negative(logits):
    right = UNIQUE.clone()
    right[5, 5] = False
    hard = kl_loss(logits, same_label=right, target_temperature=math.inf)
    expected = contrastive_loss(logits, positives=right)
    assert float(hard) == pytest.approx(float(expected), abs=1e-12)


def test_weights_may_stand_in_the_place_of_truth(logits):
    as_bool = kl_loss(logits, same_label=SAME)
    assert float(kl_loss(logits, same_label=SAME.double())) == float(as_bool)


def test_gradients_are_finite_for_hard_targets_and_far_scores():
    far = torch.tensor([[90.0, -90.0], [-90.0, 90.0]], requires_grad=True)
    kl_loss(far, same_label=torch.eye(2, dtype=torch.bool), target_temperature=math.inf).backward()
    assert far.grad.isfinite().all()


def test_half_precision_scores_are_summed_in_single_precision():
    loss = kl_loss(torch.full((300, 300), 60.0, dtype=torch.float16), same_label=torch.eye(300))
    assert loss.dtype == torch.float32
    assert math.isfinite(float(loss))
