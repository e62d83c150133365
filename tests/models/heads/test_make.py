"""The loose heads, for retrieval and actions: formulas, invariants, masks."""

import json

import pytest
import torch
from torch.nn import functional as F

from models.errors import KinodexError
from models.frame_sets import EmptyVideo
from models.heads.config import ACTION_HEADS, LOOSE, HeadConfig, InvalidHeadConfig
from models.heads.loose import LooseHead
from models.heads.make import make_head
from models.training.losses import contrastive_loss
from tests.models import head_formulas
from tests.models.random_heads import (
    ATTENTION_HEADS,
    DIM,
    GARBAGE,
    MASK,
    random_clips,
    random_head,
    random_texts,
    with_padding_of,
)

EVERY = (*LOOSE, *ACTION_HEADS)
TEMPORAL = ("seqLSTM", "seqTransf", "Conv1D", "LSTM", "Transf", "Transf_cls")
LINEAR = ("meanP", "MeanP", "Conv1D")
SCATTERED = torch.tensor([[0, 1, 0, 1, 1, 0], [0, 0, 0, 0, 0, 1], [1, 0, 1, 1, 0, 1]]).bool()

each_head = pytest.mark.parametrize("name", EVERY)
each_temporal_head = pytest.mark.parametrize("name", TEMPORAL)


def logits(videos: torch.Tensor, texts: torch.Tensor | None = None) -> torch.Tensor:
    texts = random_texts() if texts is None else texts
    return 100 * F.normalize(texts, dim=-1) @ videos.T


def formula(name: str, weights: dict[str, torch.Tensor], *inputs: torch.Tensor, heads: int):
    write = head_formulas.loose if name in LOOSE else head_formulas.action
    return write(name, weights, *inputs, heads=heads)


def mean_of(name: str) -> str:
    return "meanP" if name in LOOSE else "MeanP"


# Formulas


@each_head
@pytest.mark.parametrize("mask", [MASK, SCATTERED], ids=["ragged", "scattered"])
def test_a_head_is_its_formula(name, mask):
    head = random_head(name).double()
    clips = random_clips(len(mask)).double()
    expected = formula(name, head.state_dict(), clips, mask, heads=ATTENTION_HEADS)
    torch.testing.assert_close(head(clips, mask), expected, atol=1e-12, rtol=0)


@each_head
def test_a_head_of_the_published_size_is_its_formula_in_single_precision(name):
    torch.manual_seed(0)
    head = make_head(HeadConfig(name, 512)).eval()
    clips, texts = 0.5 * torch.randn(4, 6, 512), torch.randn(3, 512)
    expected = formula(name, head.state_dict(), clips, MASK, heads=8)
    torch.testing.assert_close(
        logits(head(clips, MASK), texts), logits(expected, texts), atol=1e-5, rtol=0
    )


@each_head
def test_an_embedding_has_unit_length(name):
    videos = random_head(name)(random_clips(), MASK)
    assert videos.shape == (4, DIM)
    torch.testing.assert_close(videos.norm(dim=-1), torch.ones(4))


def test_one_frame_fused_by_its_mean_is_compared_like_a_picture():
    clips, one = random_clips(4, 1), torch.ones(4, 1, dtype=torch.bool)
    expected = torch.cosine_similarity(random_texts()[:, None], clips[None, :, 0], dim=-1)
    torch.testing.assert_close(logits(random_head("meanP")(clips, one)), 100 * expected)


@pytest.mark.parametrize("name", ["seqLSTM", "LSTM", "Conv1D"])
def test_a_temporal_part_without_weights_is_mean_pooling(name):
    head = random_head(name)
    for parameter in head.parameters():
        torch.nn.init.zeros_(parameter)
    videos = head(random_clips(), MASK)
    assert torch.equal(videos, random_head(mean_of(name))(random_clips(), MASK))


@pytest.mark.parametrize("name", ["seqTransf", "Transf"])
@pytest.mark.parametrize("positions_kept", [False, True])
def test_a_transformer_whose_blocks_do_nothing_is_mean_pooling_but_for_positions(
    name, positions_kept
):
    head = random_head(name)
    with torch.no_grad():
        for block in head.transformer.blocks:
            for layer in (block.attn.out_proj, block.mlp.c_proj):
                layer.weight.zero_()
                layer.bias.zero_()
        if not positions_kept:
            head.transformer.positions.zero_()
    difference = head(random_clips(), MASK) - random_head(mean_of(name))(random_clips(), MASK)
    assert (difference.abs().max() > 0.01) == positions_kept
    assert positions_kept or difference.abs().max() < 1e-6


# Invariants


@each_head
def test_a_video_alone_fuses_as_in_a_batch(name):
    head = random_head(name)
    together = logits(head(random_clips(), MASK))
    for video in range(4):
        alone = logits(head(random_clips()[video : video + 1], MASK[video : video + 1]))
        torch.testing.assert_close(alone, together[:, video : video + 1], atol=1e-4, rtol=0)


@each_head
def test_the_order_of_a_batch_only_orders_its_results(name):
    head, order = random_head(name), torch.tensor([2, 0, 3, 1])
    mixed = logits(head(random_clips()[order], MASK[order]))
    torch.testing.assert_close(
        mixed, logits(head(random_clips(), MASK))[:, order], atol=1e-4, rtol=0
    )


@each_head
def test_more_padding_changes_nothing(name):
    head = random_head(name)
    longer = F.pad(random_clips(), (0, 0, 0, 3))
    torch.testing.assert_close(
        logits(head(longer, F.pad(MASK, (0, 3)))),
        logits(head(random_clips(), MASK)),
        atol=1e-4,
        rtol=0,
    )


@each_head
def test_only_temporal_heads_read_the_order_of_frames(name):
    head, order = random_head(name), torch.tensor([3, 0, 2, 1, 5, 4])
    whole = torch.ones(4, 6, dtype=torch.bool)
    shuffled = logits(head(random_clips()[:, order], whole))
    change = (shuffled - logits(head(random_clips(), whole))).abs().max()
    assert change > 0.05 if name in TEMPORAL else change < 1e-4


@each_head
def test_linear_heads_do_not_read_the_scale_of_frames(name):
    head = random_head(name)
    change = (head(3 * random_clips(), MASK) - head(random_clips(), MASK)).abs().max()
    assert change < 1e-6 if name in LINEAR else change > 1e-3


@each_head
def test_the_scale_of_texts_does_not_matter(name):
    videos = random_head(name)(random_clips(), MASK)
    torch.testing.assert_close(logits(videos, 3 * random_texts()), logits(videos))


@each_head
def test_one_pair_has_nothing_to_lose(name):
    video = random_head(name)(random_clips(1), MASK[:1])
    assert contrastive_loss(logits(video)[:1]) == 0.0


@each_head
def test_every_parameter_is_used(name):
    head = random_head(name)
    head(random_clips().requires_grad_(), MASK).sum().backward()
    assert [key for key, value in head.named_parameters() if value.grad is None] == []


# Masks


@each_head
@pytest.mark.parametrize("value", GARBAGE)
@pytest.mark.parametrize("mask", [MASK, SCATTERED], ids=["ragged", "scattered"])
def test_padding_may_hold_anything(name, value, mask):
    head = random_head(name)
    clean = with_padding_of(random_clips(len(mask)), mask, 0.0).requires_grad_()
    dirty = with_padding_of(random_clips(len(mask)), mask, value).requires_grad_()
    texts = random_texts(len(mask))
    contrastive_loss(logits(head(clean, mask), texts)).backward()
    expected = {key: value.grad.clone() for key, value in head.named_parameters()}
    head.zero_grad()
    contrastive_loss(logits(head(dirty, mask), texts)).backward()
    assert torch.equal(head(dirty, mask), head(clean, mask))
    assert torch.equal(dirty.grad, clean.grad)
    assert dirty.grad[~mask].abs().max() == 0
    for key, parameter in head.named_parameters():
        assert parameter.grad.isfinite().all()
        assert torch.equal(parameter.grad, expected[key])


@each_head
def test_every_mask_of_four_frames_gives_a_unit_embedding(name):
    masks = torch.tensor(
        [[bits >> frame & 1 for frame in range(4)] for bits in range(1, 16)]
    ).bool()
    clips = with_padding_of(random_clips(15, 4), masks, float("nan"))
    torch.testing.assert_close(random_head(name)(clips, masks).norm(dim=-1), torch.ones(15))


@each_head
def test_videos_without_frames_are_named(name):
    mask = MASK.clone()
    mask[1] = mask[3] = False
    with pytest.raises(EmptyVideo, match=r"the videos in rows 1, 3 have no valid frame") as caught:
        random_head(name)(random_clips(), mask)
    assert caught.value.rows == [1, 3]
    assert isinstance(caught.value, KinodexError)
    assert isinstance(caught.value, ValueError)


@each_head
def test_a_frame_of_zeros_is_neither_a_failure_nor_a_vote(name):
    clips = random_clips()
    clips[:, 0] = 0
    clips.requires_grad_()
    videos = random_head(name)(clips, MASK)
    videos.sum().backward()
    assert videos.isfinite().all()
    assert clips.grad.abs().max() < 1e4
    if name not in TEMPORAL:
        kept = [0, 1, 3]
        expected = random_head(name)(clips[kept, 1:], MASK[kept, 1:])
        torch.testing.assert_close(videos[kept], expected)


@pytest.mark.parametrize(
    "mask", [MASK.float(), MASK[:, :5], MASK[:3]], ids=["type", "frames", "rows"]
)
def test_a_mask_that_does_not_fit_is_refused(mask):
    with pytest.raises(ValueError, match="need a boolean mask of shape"):
        random_head("meanP")(random_clips(), mask)


@pytest.mark.parametrize("name", ["seqLSTM", "LSTM", "Conv1D"])
def test_some_heads_run_over_the_valid_frames_in_order(name):
    head, clips = random_head(name), random_clips(3)
    scattered = head(clips, SCATTERED)
    for video, valid in enumerate(SCATTERED):
        packed = clips[video : video + 1, valid]
        whole = torch.ones(packed.shape[:2], dtype=torch.bool)
        torch.testing.assert_close(scattered[video : video + 1], head(packed, whole))


# Any number of frames, any precision


@each_head
def test_a_long_video_fuses_and_leaves_short_ones_beside_it_alone(name):
    head = random_head(name, positions=8)
    clips = random_clips(2, 30)
    mask = torch.ones(2, 30, dtype=torch.bool)
    mask[1, 5:] = False
    together = head(clips, mask)
    torch.testing.assert_close(together[1:], head(clips[1:, :5], mask[1:, :5]))
    torch.testing.assert_close(together[:1], head(clips[:1], mask[:1]))


@each_head
def test_half_precision_is_widened(name):
    head, stored = random_head(name), random_clips().half()
    videos = head(stored, MASK)
    assert videos.dtype == torch.float32
    assert torch.equal(videos, head(stored.float(), MASK))


@each_head
def test_mixed_precision_comes_close(name):
    head = random_head(name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        videos = head(random_clips(), MASK)
    assert torch.cosine_similarity(videos.float(), head(random_clips(), MASK)).min() > 0.99
    torch.testing.assert_close(videos.norm(dim=-1), torch.ones(4))


# Options


@each_temporal_head
@pytest.mark.parametrize("standardised", [False, True])
def test_a_gated_head_starts_as_mean_pooling_and_can_leave_it(name, standardised):
    head = make_head(HeadConfig(name, DIM, gated=True, standardised=standardised))
    head.fit_inputs(random_clips(), MASK)
    clips = 9 * random_clips(seed=5)
    videos = head(clips, MASK)
    torch.testing.assert_close(videos, random_head(mean_of(name))(clips, MASK), atol=1e-6, rtol=0)
    videos[:, 0].sum().backward()
    assert head.gate.grad.abs().max() > 0


@each_temporal_head
def test_a_standardised_head_is_its_formula(name):
    head = random_head(name, standardised=True).double()
    clips = random_clips().double()
    head.fit_inputs(clips, MASK)
    valid = clips[MASK]
    mean = valid.sum(0) / 16
    deviation = ((valid - mean).pow(2).sum(0) / 16).sqrt()
    scaled = ((clips - mean) / deviation).masked_fill(~MASK.unsqueeze(-1), 0.0)
    weights, frames = head.state_dict(), clips / deviation.mean()
    if name == "Transf_cls":
        expected = formula(name, weights, scaled, MASK, heads=ATTENTION_HEADS)
    else:
        temporal = {
            "seqLSTM": lambda: head_formulas.lstm(weights, scaled, MASK),
            "LSTM": lambda: head_formulas.lstm(weights, scaled, MASK),
            "Conv1D": lambda: head_formulas.convolution(weights, scaled, MASK),
            "seqTransf": lambda: head_formulas.placed_blocks(weights, scaled, MASK, 2),
            "Transf": lambda: head_formulas.placed_blocks(weights, scaled, MASK, 2),
        }[name]()
        expected = formula(mean_of(name), {}, temporal + frames, MASK, heads=0)
    torch.testing.assert_close(head(clips, MASK), expected, atol=1e-6, rtol=0)


@each_temporal_head
def test_a_standardised_head_works_alike_at_every_natural_scale(name):
    head, clips = random_head(name, standardised=True), random_clips()
    head.fit_inputs(clips, MASK)
    expected = head(clips, MASK)
    head.fit_inputs(40 * clips, MASK)
    torch.testing.assert_close(head(40 * clips, MASK), expected, atol=1e-5, rtol=0)


@each_temporal_head
def test_a_standardised_head_that_was_not_fitted_is_the_plain_one(name):
    plain = random_head(name)
    standardised = random_head(name, standardised=True)
    torch.testing.assert_close(
        standardised(random_clips(), MASK), plain(random_clips(), MASK), atol=1e-6, rtol=0
    )


def test_standardising_reads_valid_frames_only_and_keeps_still_channels_still():
    head = random_head("seqTransf", standardised=True)
    clips = with_padding_of(random_clips(), MASK, float("nan"))
    clips[..., 0] = 2.0
    head.fit_inputs(clips, MASK)
    valid = clips[MASK]
    torch.testing.assert_close(head.inputs.mean, valid.mean(0))
    torch.testing.assert_close(head.inputs.deviation[1:], valid.std(0, correction=0)[1:])
    torch.testing.assert_close(head.inputs.deviation[0], 0.01 * head.inputs.scale)


def test_clips_that_are_all_alike_have_no_scale():
    with pytest.raises(ValueError, match="no scale"):
        random_head("seqLSTM", standardised=True).fit_inputs(torch.ones(3, 6, DIM), MASK[:3])


@each_head
def test_fitting_a_plain_head_does_nothing(name):
    head = random_head(name)
    before = head(random_clips(), MASK)
    head.fit_inputs(random_clips(), MASK)
    assert torch.equal(head(random_clips(), MASK), before)


# Configuration


@pytest.mark.parametrize("name", [*EVERY, "tightTransf"])
def test_a_configuration_survives_json(name):
    config = HeadConfig(name, 96, blocks=3, activation="gelu", gated=True)
    assert HeadConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert make_head(config).config == config


@pytest.mark.parametrize(("dim", "heads"), [(512, 8), (768, 12), (32, 1), (200, 2), (257, 1)])
def test_there_is_an_attention_head_for_64_channels(dim, heads):
    assert HeadConfig("seqTransf", dim).attention_heads == heads


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "maxP", "dim": 8}, "name cannot be 'maxP': choose meanP, seqLSTM"),
        ({"name": "meanP", "dim": 0}, "dim must be a whole number from 1 up, not 0"),
        ({"name": "seqTransf", "dim": 8, "blocks": 0}, "blocks must be a whole number from 1 up"),
        ({"name": "seqTransf", "dim": 8, "attention_heads": 3}, "3 attention heads do not divide"),
        ({"name": "seqTransf", "dim": 8, "activation": "relu"}, "activation cannot be 'relu'"),
        ({"name": "seqTransf", "dim": 8, "depth": 2}, "no property depth"),
        ({"name": "seqTransf"}, "incomplete"),
        ({"name": "Transf_cls", "dim": 8, "dropout": 1.0}, "dropout must be from 0 to 1, not 1.0"),
        ({"name": "seqTransf", "dim": "8"}, "dim must be a whole number from 1 up, not '8'"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(values, message):
    with pytest.raises(InvalidHeadConfig, match=message):
        HeadConfig.from_dict(values)


def test_there_is_a_loose_head_for_every_loose_name():
    assert LOOSE == ("meanP", "seqLSTM", "seqTransf")
    assert ACTION_HEADS == ("MeanP", "Conv1D", "LSTM", "Transf", "Transf_cls")
    assert all(isinstance(make_head(HeadConfig(name, DIM)), LooseHead) for name in EVERY)
