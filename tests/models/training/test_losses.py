"""The losses against torch's own and against formulas written out here."""

import math

import pytest
import torch
from torch.nn import functional as F

from models.training.losses import (
    LARGEST_LOGIT_SCALE,
    clamp_logit_scale_,
    contrastive_loss,
    same_video,
    sigmoid_loss,
    tag_loss,
)


@pytest.fixture
def logits() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 10 * torch.randn(5, 5, generator=generator, dtype=torch.float64)


def test_on_the_diagonal_it_is_torchs_cross_entropy_both_ways(logits):
    right = torch.arange(5)
    expected = (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2
    torch.testing.assert_close(contrastive_loss(logits), expected)


def test_exchanging_texts_and_videos_changes_nothing(logits):
    assert contrastive_loss(logits) == contrastive_loss(logits.T)


def test_a_single_pair_has_no_loss():
    assert contrastive_loss(torch.tensor([[3.7]])) == 0


def test_equal_scores_cost_the_logarithm_of_their_number():
    assert float(contrastive_loss(torch.zeros(8, 8))) == pytest.approx(math.log(8))


def test_the_target_is_uniform_over_the_positives(logits):
    positives = same_video(torch.tensor([7, 7, 3, 4, 7]), torch.tensor([7, 7, 3, 4, 7]))
    target = positives / positives.sum(dim=1, keepdim=True, dtype=torch.float64)
    expected = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    torch.testing.assert_close(contrastive_loss(logits, positives=positives), expected)


def test_texts_may_outnumber_videos(logits):
    positives = same_video(torch.tensor([0, 0, 1, 1, 1]), torch.tensor([0, 1]))
    scores = logits[:, :2]
    rows = positives.double()
    columns = (positives / positives.sum(dim=0, dtype=torch.float64)).T
    expected = (F.cross_entropy(scores, rows) + F.cross_entropy(scores.T, columns)) / 2
    torch.testing.assert_close(contrastive_loss(scores, positives=positives), expected)


def test_a_text_without_a_positive_counts_only_as_a_negative(logits):
    positives = torch.eye(5, dtype=torch.bool)
    positives[4, 4] = False
    right = torch.arange(4)
    expected = (F.cross_entropy(logits[:4], right) + F.cross_entropy(logits.T[:4], right)) / 2
    torch.testing.assert_close(contrastive_loss(logits, positives=positives), expected)


def test_ignored_pairs_are_out_of_the_softmax(logits):
    ignored = torch.zeros(5, 5, dtype=torch.bool)
    ignored[0, 3] = True
    without = torch.cat([logits[:, :3], logits[:, 4:]], dim=1)[0]
    assert float(contrastive_loss(logits, ignored=ignored)) == pytest.approx(
        float(contrastive_loss(logits))
        - (logits[0].logsumexp(0) - without.logsumexp(0)).item() / 10
        - (logits[:, 3].logsumexp(0) - logits[1:, 3].logsumexp(0)).item() / 10
    )


def test_a_positive_is_never_ignored(logits):
    everything = torch.ones(5, 5, dtype=torch.bool)
    assert float(contrastive_loss(logits, ignored=everything)) == pytest.approx(0)


def test_ignored_pairs_have_no_gradient_and_nothing_is_nan(logits):
    ignored = ~torch.eye(5, dtype=torch.bool)
    ignored[1, 2] = False
    logits.requires_grad_()
    contrastive_loss(logits, ignored=ignored).backward()
    assert logits.grad.isfinite().all()
    assert (logits.grad[ignored] == 0).all()
    assert logits.grad[1, 2] > 0


def test_half_precision_scores_are_summed_in_single_precision():
    loss = contrastive_loss(torch.full((300, 300), 60.0, dtype=torch.float16))
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(math.log(300), rel=1e-5)


def test_unequal_numbers_need_named_positives():
    with pytest.raises(ValueError, match="3 texts and 2 videos are not pairs"):
        contrastive_loss(torch.zeros(3, 2))


def test_the_sigmoid_loss_is_its_formula(logits):
    positives = torch.eye(5, dtype=torch.bool)
    positives[0, 1] = True
    expected = 0.0
    for row in range(5):
        for column in range(5):
            sign = 1 if positives[row, column] else -1
            expected += math.log1p(math.exp(-sign * logits[row, column].item())) / 5
    assert float(sigmoid_loss(logits, positives)) == pytest.approx(expected)


def test_the_sigmoid_loss_leaves_ignored_pairs_out():
    scores = torch.tensor([[2.0, 5.0], [-3.0, 1.0]])
    ignored = torch.tensor([[True, True], [False, False]])
    expected = math.log1p(math.exp(-2)) + math.log1p(math.exp(-3)) + math.log1p(math.exp(-1))
    assert float(sigmoid_loss(scores, ignored=ignored)) == pytest.approx(expected / 2)


@pytest.mark.parametrize(("before", "after"), [(5.0, LARGEST_LOGIT_SCALE), (3.0, 3.0), (-0.5, 0.0)])
def test_the_logit_scale_is_kept_between_1_and_100(before, after):
    parameter = torch.nn.Parameter(torch.tensor(before))
    clamp_logit_scale_(parameter)
    assert parameter.item() == pytest.approx(after)
    assert parameter.requires_grad


def test_the_tag_loss_is_that_of_each_label_on_its_own(logits):
    holds = torch.eye(5, dtype=torch.bool)
    holds[0, 3] = True
    right = torch.sigmoid(logits).where(holds, torch.sigmoid(-logits))
    torch.testing.assert_close(tag_loss(logits, holds), -right.log().sum(dim=1).mean())


def test_arguable_labels_cost_nothing_and_teach_nothing(logits):
    holds = torch.eye(5, dtype=torch.bool)
    arguable = torch.zeros(5, 5, dtype=torch.bool)
    arguable[0, 0] = arguable[3, 1] = True
    scores = logits.clone().requires_grad_()
    tag_loss(scores, holds, arguable=arguable).backward()
    assert ((scores.grad == 0) == arguable).all()

    changed = logits.masked_fill(arguable, 99.0)
    assert tag_loss(changed, holds, arguable=arguable) == tag_loss(logits, holds, arguable=arguable)
