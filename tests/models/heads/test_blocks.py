"""Transformer blocks, positions, and what is taken over from text towers."""

import pytest
import torch
from torch import nn

from models.heads.blocks import TransformerBlock, read_text_tower
from models.heads.config import HeadConfig
from models.heads.make import make_head
from tests.models.tiny_clip import tiny_clip

DIM = 64
KEYS = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 1, 0, 1, 0]]).bool()
ACTIVATIONS = {
    "quick_gelu": tiny_clip,
    "gelu": lambda: tiny_clip(quick_gelu=False),
    "gelu_tanh": lambda: tiny_clip(
        custom_text=True, quick_gelu=False, act_kwargs={"approximate": "tanh"}
    ),
}


def config(name: str = "seqTransf", **options) -> HeadConfig:
    return HeadConfig(name, DIM, **{"attention_heads": 2, "positions": 16, **options})


def tower_of(model: nn.Module) -> nn.Module:
    return getattr(model, "text", model)


def hidden() -> torch.Tensor:
    return torch.randn(3, 5, DIM, generator=torch.Generator().manual_seed(0))


# Blocks


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_block_with_the_weights_of_a_text_tower_does_what_the_tower_does(activation):
    theirs = tower_of(ACTIVATIONS[activation]()).transformer.resblocks[0]
    ours = TransformerBlock(config(activation=activation, layer_norm_epsilon=1e-5))
    ours.load_state_dict(theirs.state_dict())
    blocked = torch.zeros(3, 1, 5).masked_fill(~KEYS[:, None], -torch.inf)
    additive = blocked.expand(3, 5, 5).repeat_interleave(2, dim=0)
    expected = theirs(hidden(), attn_mask=additive)
    torch.testing.assert_close(ours(hidden(), KEYS), expected, atol=1e-5, rtol=1e-5)


def test_the_first_positions_alone_come_out_as_among_all():
    torch.manual_seed(0)
    block = TransformerBlock(config())
    some = block(hidden(), KEYS, queries=2)
    assert some.shape == (3, 2, DIM)
    torch.testing.assert_close(some, block(hidden(), KEYS)[:, :2])


def test_new_blocks_are_drawn_as_clip_draws_them():
    torch.manual_seed(0)
    head = make_head(HeadConfig("seqTransf", 256))
    for block in head.transformer.blocks:
        deviations = [
            layer.std().item()
            for layer in (
                block.attn.in_proj_weight,
                block.attn.out_proj.weight,
                block.mlp.c_fc.weight,
                block.mlp.c_proj.weight,
            )
        ]
        assert deviations == pytest.approx([0.0625, 0.0221, 0.0442, 0.0221], rel=0.02)
        assert block.ln_1.eps == block.ln_2.eps == 1e-12


@pytest.mark.parametrize(("standardised", "deviation"), [(False, 0.01), (True, 0.5)])
def test_new_positions_are_of_a_size_with_the_frames(standardised, deviation):
    torch.manual_seed(0)
    head = make_head(HeadConfig("seqTransf", 256, standardised=standardised))
    assert head.transformer.positions.std().item() == pytest.approx(deviation, rel=0.02)


# Text towers


@pytest.mark.parametrize("custom_text", [False, True], ids=["CLIP", "CustomTextCLIP"])
@pytest.mark.parametrize("alone", [False, True], ids=["model", "tower"])
@pytest.mark.parametrize("name", ["seqTransf", "tightTransf"])
def test_a_head_begins_as_the_text_tower(name, custom_text, alone):
    model = tiny_clip(custom_text=custom_text)
    tower = tower_of(model)
    head = make_head(config(name), text_tower=tower if alone else model)
    assert head.initialisation.blocks == 4
    assert head.initialisation.positions == 16
    assert head.initialisation.reasons == ()
    assert torch.equal(head.transformer.positions, tower.positional_embedding)
    for ours, theirs in zip(head.transformer.blocks, tower.transformer.resblocks, strict=True):
        for key, value in theirs.state_dict().items():
            assert torch.equal(ours.state_dict()[key], value)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_copied_blocks_bring_their_activation(activation):
    head = make_head(config(), text_tower=ACTIVATIONS[activation]())
    assert head.config.activation == activation
    assert {block.mlp.activation for block in head.transformer.blocks} == {activation}


def test_training_a_head_leaves_the_tower_alone():
    model = tiny_clip()
    before = model.positional_embedding.clone()
    head = make_head(config(), text_tower=model)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(1.0)
    assert torch.equal(model.positional_embedding, before)
    block = model.transformer.resblocks[0]
    assert not torch.equal(block.ln_1.weight, head.transformer.blocks[0].ln_1.weight)


def test_a_tower_in_half_precision_is_copied_too():
    head = make_head(config(), text_tower=tiny_clip().half())
    assert head.initialisation.blocks == 4
    assert {parameter.dtype for parameter in head.parameters()} == {torch.float32}


def test_a_shallower_tower_gives_what_it_has():
    head = make_head(config(positions=20), text_tower=tiny_clip(layers=3))
    assert head.initialisation.blocks == 3
    assert head.initialisation.positions == 16
    assert head.initialisation.reasons == (
        "the text tower has only 3 of 4 blocks",
        "the text tower has only 16 of 20 positions",
    )


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        (
            lambda: tiny_clip(width=32, heads=2),
            (
                "the text tower is 32 wide, the head 64",
                "the text tower's positions are 32 wide, the head 64",
            ),
        ),
        (lambda: tiny_clip(heads=4), ("the text tower has 4 attention heads, the head 2",)),
        (
            lambda: tiny_clip(custom_text=True, ls_init_value=0.1),
            ("the text tower's blocks have another layout (ls_1.gamma, ls_2.gamma)",),
        ),
        (
            lambda: tiny_clip(mlp_ratio=2.0),
            ("the text tower's blocks have layers of another width",),
        ),
        (
            lambda: nn.Linear(2, 2),
            (
                "the text tower has no blocks of CLIP's layout",
                "the text tower has no table of positions",
            ),
        ),
    ],
    ids=["width", "attention heads", "layer scale", "inner width", "no tower"],
)
def test_blocks_that_do_not_fit_begin_at_random_and_say_why(model, reasons):
    torch.manual_seed(0)
    head = make_head(config(activation="gelu"), text_tower=model())
    assert head.initialisation.blocks == 0
    assert head.initialisation.reasons == reasons
    assert head.config.activation == "gelu"
    assert head.transformer.blocks[0].mlp.c_fc.weight.std().item() == pytest.approx(0.088, rel=0.03)


def test_another_activation_is_not_taken_for_one_that_heads_have():
    model = tiny_clip()
    for block in model.transformer.resblocks:
        block.mlp.gelu = nn.ReLU()
    start = read_text_tower(config(), model)
    assert start.blocks == ()
    assert start.reasons == ("the text tower has an activation that heads do not have",)


@pytest.mark.parametrize("name", ["meanP", "seqLSTM"])
def test_heads_without_blocks_take_nothing(name):
    assert make_head(config(name), text_tower=tiny_clip()).initialisation.blocks == 0
