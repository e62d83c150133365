"""tightTransf: the cross-encoder over a text and a video's frames."""

import pytest
import torch
from torch.nn import functional as F

from models.frame_sets import EmptyVideo
from models.heads import tight
from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.heads.tight import TightTransf
from models.training.losses import contrastive_loss
from tests.models import head_formulas
from tests.models.random_heads import (
    ATTENTION_HEADS,
    GARBAGE,
    MASK,
    random_clips,
    random_head,
    random_texts,
    with_padding_of,
)

SCATTERED = torch.tensor([[0, 1, 0, 1, 1, 0], [0, 0, 0, 0, 0, 1], [1, 0, 1, 1, 0, 1]]).bool()
WHOLE = torch.ones(4, 6, dtype=torch.bool)


@pytest.fixture
def head() -> TightTransf:
    return random_head("tightTransf")


def scores_of(head: TightTransf) -> torch.Tensor:
    return head(random_texts(), random_clips(), MASK)


@pytest.mark.parametrize("mask", [MASK, SCATTERED], ids=["ragged", "scattered"])
def test_the_head_is_its_formula(head, mask):
    texts, clips = random_texts().double(), random_clips(len(mask)).double()
    head = head.double()
    expected = head_formulas.tight_transf(
        head.state_dict(), texts, clips, mask, heads=ATTENTION_HEADS
    )
    assert expected.shape == (3, len(mask))
    torch.testing.assert_close(head(texts, clips, mask), expected, atol=1e-10, rtol=0)


def test_a_head_of_the_published_size_is_its_formula_in_single_precision():
    torch.manual_seed(0)
    head = make_head(HeadConfig("tightTransf", 512)).eval()
    texts, clips = torch.randn(2, 512), 0.5 * torch.randn(4, 6, 512)
    expected = head_formulas.tight_transf(head.state_dict(), texts, clips, MASK, heads=8)
    torch.testing.assert_close(head(texts, clips, MASK), expected, atol=1e-5, rtol=0)


def test_a_new_scorer_is_drawn_as_published():
    torch.manual_seed(0)
    head = make_head(HeadConfig("tightTransf", 256))
    assert head.dense.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert head.score.weight.std().item() == pytest.approx(0.02, rel=0.15)
    for bias in (head.dense.bias, head.score.bias, head.norm.bias):
        assert bias.abs().max() == 0
    assert (head.norm.weight == 1).all()
    assert head.norm.eps == 1e-12


@pytest.mark.parametrize("pairs_at_once", [1, 5, 11, 12, 4096])
def test_scores_do_not_depend_on_how_many_are_in_work(head, pairs_at_once):
    sizes = []
    head.transformer.register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
    with torch.inference_mode():
        scores = head(random_texts(), random_clips(), MASK, pairs_at_once=pairs_at_once)
    assert max(sizes) == min(pairs_at_once, 12)
    assert sum(sizes) == 12
    torch.testing.assert_close(scores, scores_of(head), atol=1e-5, rtol=1e-5)


def gradients(head: TightTransf, pairs_at_once: int) -> dict[str, torch.Tensor]:
    head.zero_grad()
    torch.manual_seed(0)
    scores = head(random_texts(4), random_clips(), MASK, pairs_at_once=pairs_at_once)
    contrastive_loss(scores).backward()
    return {key: value.grad.clone() for key, value in head.named_parameters()}


def test_gradients_do_not_depend_on_how_many_are_in_work(head):
    expected = gradients(head, 4096)
    for key, found in gradients(head, 3).items():
        torch.testing.assert_close(found, expected[key], atol=1e-5, rtol=1e-4)


def test_chunks_are_worked_out_again_for_the_gradient_instead_of_kept(head):
    sizes = []
    head.transformer.register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
    loss = head(random_texts(), random_clips(), MASK, pairs_at_once=6).sum()
    assert sizes == [6, 6]
    loss.backward()
    assert sizes == [6, 6, 6, 6]


def test_a_chunk_worked_out_again_draws_the_same_dropout(head, monkeypatch):
    head.train()
    found = gradients(head, 3)
    monkeypatch.setattr(tight, "checkpoint", lambda score, *rest, use_reentrant: score(*rest))
    for key, expected in gradients(head, 3).items():
        torch.testing.assert_close(found[key], expected)


def test_dropout_is_for_training_only(head):
    assert torch.equal(scores_of(head), scores_of(head))
    head.train()
    assert not torch.equal(scores_of(head), scores_of(head))


def test_dropout_strikes_a_tenth_of_the_input(head):
    sequences = []
    head.transformer.register_forward_hook(lambda _, inputs, __: sequences.append(inputs[0]))
    head.train()
    head(random_texts(64), random_clips(), MASK)
    assert (sequences[0] == 0).float().mean().item() == pytest.approx(0.1, abs=0.01)


def test_no_texts_or_no_videos_give_no_scores(head):
    assert head(random_texts()[:0], random_clips(), MASK).shape == (0, 4)
    assert head(random_texts(), random_clips()[:0], MASK[:0]).shape == (3, 0)


def test_a_chunk_without_pairs_is_refused(head):
    with pytest.raises(ValueError, match="pairs_at_once must be 1 or more, not 0"):
        head(random_texts(), random_clips(), MASK, pairs_at_once=0)


# Invariants


def test_a_pair_alone_scores_as_in_a_batch(head):
    together = scores_of(head)
    for text in range(3):
        for video in range(4):
            one = slice(video, video + 1)
            alone = head(random_texts()[text : text + 1], random_clips()[one], MASK[one])
            torch.testing.assert_close(alone[0, 0], together[text, video], atol=1e-5, rtol=1e-5)


def test_the_order_of_a_batch_only_orders_its_scores(head):
    order = torch.tensor([2, 0, 3, 1])
    mixed = head(random_texts().flip(0), random_clips()[order], MASK[order])
    torch.testing.assert_close(mixed, scores_of(head).flip(0)[:, order], atol=1e-5, rtol=1e-5)


def test_more_padding_changes_nothing(head):
    longer = head(random_texts(), F.pad(random_clips(), (0, 0, 0, 3)), F.pad(MASK, (0, 3)))
    torch.testing.assert_close(longer, scores_of(head), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        lambda texts, clips: (texts, clips[:, [3, 0, 2, 1, 5, 4]]),
        lambda texts, clips: (texts, 3 * clips),
        lambda texts, clips: (3 * texts, clips),
    ],
    ids=["order of frames", "scale of frames", "scale of texts"],
)
def test_scores_read_order_and_scale(head, change):
    before = head(random_texts(), random_clips(), WHOLE)
    after = head(*change(random_texts(), random_clips()), WHOLE)
    assert (after - before).abs().max() > 1e-3


@pytest.mark.parametrize("value", GARBAGE)
@pytest.mark.parametrize("mask", [MASK, SCATTERED], ids=["ragged", "scattered"])
def test_padding_may_hold_anything(head, value, mask):
    clean = with_padding_of(random_clips(len(mask)), mask, 0.0).requires_grad_()
    dirty = with_padding_of(random_clips(len(mask)), mask, value).requires_grad_()
    contrastive_loss(head(random_texts(len(mask)), clean, mask)).backward()
    expected = {key: parameter.grad.clone() for key, parameter in head.named_parameters()}
    head.zero_grad()
    scores = head(random_texts(len(mask)), dirty, mask)
    contrastive_loss(scores).backward()
    assert scores.isfinite().all()
    assert torch.equal(dirty.grad, clean.grad)
    for key, parameter in head.named_parameters():
        assert torch.equal(parameter.grad, expected[key])


def test_videos_without_frames_are_named(head):
    mask = MASK.clone()
    mask[2] = False
    with pytest.raises(EmptyVideo, match=r"the video in row 2 has no valid frame"):
        head(random_texts(), random_clips(), mask)


def test_one_pair_has_nothing_to_lose(head):
    assert contrastive_loss(head(random_texts(1), random_clips(1), MASK[:1])) == 0.0


def test_every_parameter_is_used(head):
    scores_of(head).square().sum().backward()
    assert [key for key, value in head.named_parameters() if value.grad is None] == []


def test_a_long_video_scores_and_leaves_short_ones_beside_it_alone():
    head = random_head("tightTransf", positions=8)
    clips, mask = random_clips(2, 30), torch.ones(2, 30, dtype=torch.bool)
    mask[1, 5:] = False
    scores = head(random_texts(), clips, mask)
    short = head(random_texts(), clips[1:, :5], mask[1:, :5])
    assert scores.isfinite().all()
    torch.testing.assert_close(scores[:, 1:], short, atol=1e-5, rtol=1e-5)


def test_half_precision_is_widened(head):
    texts, clips = random_texts().half(), random_clips().half()
    scores = head(texts, clips, MASK)
    assert torch.equal(scores, head(texts.float(), clips.float(), MASK))


# Standardised


def test_a_standardised_head_works_alike_at_every_natural_scale():
    head = random_head("tightTransf", standardised=True)
    texts, clips = random_texts(20), random_clips()
    head.fit_inputs(clips, MASK, texts)
    expected = head(texts, clips, MASK)
    head.fit_inputs(40 * clips + 3, MASK, 7 * texts - 1)
    found = head(7 * texts - 1, 40 * clips + 3, MASK)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


def test_a_standardised_head_must_see_texts():
    with pytest.raises(ValueError, match="frames and texts"):
        random_head("tightTransf", standardised=True).fit_inputs(random_clips(), MASK)


def test_a_head_that_takes_embeddings_as_they_are_is_fitted_to_nothing():
    head = random_head("tightTransf")
    before = {name: tensor.clone() for name, tensor in head.state_dict().items()}
    head.fit_inputs(random_clips(), MASK)
    after = head.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
