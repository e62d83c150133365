"""The heads for actions: how they begin, and what only they do. Formulas: test_make."""

import pytest
import torch
from torch.nn import functional as F

from models.heads.action import ActionHead
from models.heads.config import ACTION_HEADS, HeadConfig
from models.heads.make import make_head
from tests.models.random_heads import MASK, random_clips, random_head
from tests.models.tiny_clip import tiny_clip


def published(name: str, frames: int = 8) -> ActionHead:
    """At the size of the paper's ViT-B/16."""
    torch.manual_seed(0)
    positions = {"positions": frames + 1} if name == "Transf_cls" else {}
    return make_head(HeadConfig(name, 512, blocks=6, **positions))


def test_frames_are_averaged_as_they_are():
    frames = torch.tensor([[[1.0, 0.0], [0.0, 3.0], [9.0, 9.0]]])
    mask = torch.tensor([[True, True, False]])
    video = make_head(HeadConfig("MeanP", 2))(frames, mask)
    torch.testing.assert_close(video, F.normalize(torch.tensor([[1.0, 3.0]])))
    longer = make_head(HeadConfig("meanP", 2))(frames, mask)
    torch.testing.assert_close(longer, F.normalize(torch.tensor([[1.0, 1.0]])))


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("MeanP", 0),
        ("Conv1D", 0.001536),
        ("LSTM", 2.101248),
        ("Transf", 18.95),
        ("Transf_cls", 18.92),
    ],
)
def test_heads_are_of_the_published_size(name, millions):
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in published(name).parameters())
    assert count / 1e6 == pytest.approx(millions, rel=0.001)


def test_a_convolution_begins_as_a_shift_by_one_frame():
    head = make_head(HeadConfig("Conv1D", 8))
    frames = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
    nothing = torch.zeros(2, 1, 8)
    before = torch.cat([nothing, frames[:, :-1]], dim=1)
    after = torch.cat([frames[:, 1:], nothing], dim=1)
    shifted = torch.cat([before[..., :2], frames[..., 2:6], after[..., 6:]], dim=-1)
    whole = torch.ones(2, 5, dtype=torch.bool)
    assert torch.equal(head._temporal(frames, whole), shifted)
    torch.testing.assert_close(head(frames, whole), F.normalize((shifted + frames).mean(1), dim=-1))


def test_a_convolution_mixes_no_channels():
    head = random_head("Conv1D")
    frames = random_clips().requires_grad_()
    head._temporal(frames, MASK)[..., 5].sum().backward()
    touched = frames.grad.abs().amax((0, 1))
    assert touched[5] > 0
    assert touched.sum() == touched[5]


def test_a_transformer_begins_with_small_weights_of_its_own():
    head = published("Transf")
    assert head.transformer.positions.std().item() == pytest.approx(0.02, rel=0.03)
    for block in head.transformer.blocks:
        for layer in (block.attn.out_proj, block.mlp.c_fc, block.mlp.c_proj):
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.01)
            assert layer.bias.abs().max() == 0
        assert block.attn.in_proj_weight.std().item() == pytest.approx(0.03125, rel=0.01)
        assert block.attn.in_proj_weight.abs().max().item() <= 0.0542
        assert block.ln_1.eps == 1e-12
    assert len(head.transformer.blocks) == 6


def test_a_class_token_begins_with_small_weights_within_two_deviations():
    head = published("Transf_cls")
    assert head.positions.shape == (9, 512)
    for weights in (head.class_token, head.positions, head.layers[5].linear2.weight):
        assert weights.abs().max().item() <= 0.04
        assert 0.015 < weights.std().item() < 0.02
    layer = head.layers[0]
    assert layer.linear1.out_features == 2048
    assert layer.self_attn.num_heads == 8
    assert not layer.norm_first


@pytest.mark.parametrize("name", ["Transf", "Transf_cls"])
def test_standardised_heads_begin_with_positions_that_are_heard(name):
    torch.manual_seed(0)
    head = make_head(HeadConfig(name, 256, blocks=1, standardised=True))
    table = head.positions if name == "Transf_cls" else head.transformer.positions
    assert table.std().item() == pytest.approx(0.5, rel=0.03)


def test_a_head_can_be_small():
    config = HeadConfig("Transf", 256, blocks=2, positions=32, standardised=True)
    count = sum(parameter.numel() for parameter in make_head(config).parameters())
    assert count == 1_587_712


@pytest.mark.parametrize("name", ACTION_HEADS)
def test_nothing_is_taken_from_a_text_tower(name):
    torch.manual_seed(0)
    alone = make_head(HeadConfig(name, 64))
    torch.manual_seed(0)
    beside = make_head(HeadConfig(name, 64), text_tower=text_tower())
    assert beside.initialisation.blocks == beside.initialisation.positions == 0
    for one, other in zip(alone.state_dict().values(), beside.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def text_tower() -> torch.nn.Module:
    """A text tower that retrieval heads would copy, made without touching the random numbers."""
    with torch.random.fork_rng():
        return tiny_clip()


def test_an_untrained_transformer_has_left_the_mean_and_a_gated_one_has_not():
    """So a gated head is fit for labels that nothing was trained on."""
    clips = torch.randn(16, 8, 64, generator=torch.Generator().manual_seed(1))
    whole = torch.ones(16, 8, dtype=torch.bool)
    means = make_head(HeadConfig("MeanP", 64))(clips, whole)
    torch.manual_seed(0)
    plain = make_head(HeadConfig("Transf_cls", 64)).eval()
    assert (plain(clips, whole) * means).sum(1).mean().abs() < 0.3
    for name in ("Conv1D", "LSTM", "Transf", "Transf_cls"):
        gated = make_head(HeadConfig(name, 64, gated=True)).eval()
        torch.testing.assert_close(gated(clips, whole), means, atol=1e-6, rtol=0)


def test_a_class_token_drops_out_in_training_only():
    head, clips = random_head("Transf_cls"), random_clips()
    assert torch.equal(head(clips, MASK), head(clips, MASK))
    head.train()
    assert not torch.equal(head(clips, MASK), head(clips, MASK))


def test_a_class_token_gathers_the_same_with_and_without_gradients():
    head = random_head("Transf_cls")
    expected = head(random_clips(), MASK)
    with torch.inference_mode():
        found = head(random_clips(), MASK)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_the_description_of_other_heads_is_as_it_was():
    """A stored head is known by a fingerprint of its description."""
    assert set(HeadConfig("seqTransf", 64).to_dict()) == {
        "name",
        "dim",
        "blocks",
        "attention_heads",
        "positions",
        "layer_norm_epsilon",
        "activation",
        "gated",
        "standardised",
    }
    assert HeadConfig("Transf_cls", 64).to_dict()["feed_forward"] == 256
