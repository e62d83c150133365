"""What a head may be made of, at its bounds."""

import pytest

from models.heads.config import HeadConfig, InvalidHeadConfig


def test_what_is_left_out_is_as_published():
    config = HeadConfig("Transf_cls", 512)
    assert config == HeadConfig(
        "Transf_cls",
        512,
        blocks=4,
        attention_heads=8,
        positions=77,
        layer_norm_epsilon=1e-12,
        activation="quick_gelu",
        gated=False,
        standardised=False,
        feed_forward=2048,
        dropout=0.1,
    )


@pytest.mark.parametrize(
    ("dim", "heads"),
    [(1, 1), (63, 1), (64, 1), (128, 2), (191, 1), (192, 3), (640, 10), (650, 10), (520, 8)],
)
def test_there_is_one_attention_head_for_64_channels_or_the_next_fewer_that_divide(dim, heads):
    assert HeadConfig("seqTransf", dim).attention_heads == heads


@pytest.mark.parametrize(
    "changes",
    [
        {"dim": 1},
        {"blocks": 1},
        {"blocks": 1000},
        {"positions": 2},
        {"attention_heads": 1},
        {"feed_forward": 1},
        {"dropout": 0.0},
        {"layer_norm_epsilon": 0.0},
        {"activation": "gelu_tanh"},
    ],
)
def test_a_head_may_be_at_its_bounds(changes):
    config = HeadConfig(**{"name": "Transf_cls", "dim": 8} | changes)
    assert {name: getattr(config, name) for name in changes} == changes
    assert HeadConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "MeanPool"}, "a head's name cannot be 'MeanPool': choose meanP, seqLSTM"),
        ({"activation": "relu"}, "activation cannot be 'relu': choose quick_gelu, gelu, gelu_tanh"),
        ({"dim": 0}, "a head's dim must be a whole number from 1 up, not 0"),
        ({"blocks": 0}, "a head's blocks must be a whole number from 1 up, not 0"),
        ({"blocks": True}, "a head's blocks must be a whole number from 1 up, not True"),
        ({"blocks": 1001}, "a head has at most 1000 blocks, not 1001"),
        ({"positions": 1}, "a head's positions must be a whole number from 2 up, not 1"),
        ({"attention_heads": -1}, "attention_heads must be a whole number from 0 up, not -1"),
        ({"attention_heads": 3}, "3 attention heads do not divide a width of 8"),
        ({"feed_forward": -1}, "feed_forward must be a whole number from 0 up, not -1"),
        ({"dropout": -0.1}, "a head's dropout must be from 0 to 1, not -0.1"),
        ({"layer_norm_epsilon": 1.0}, "layer_norm_epsilon must be from 0 to 1, not 1.0"),
        ({"layer_norm_epsilon": -1e-9}, "layer_norm_epsilon must be from 0 to 1, not -1e-09"),
    ],
)
def test_what_cannot_be_is_refused(changes, reason):
    with pytest.raises(InvalidHeadConfig, match=reason):
        HeadConfig(**{"name": "Transf_cls", "dim": 8} | changes)


def test_a_description_with_other_properties_or_too_few_is_refused():
    with pytest.raises(InvalidHeadConfig, match="a head has no property colour, size"):
        HeadConfig.from_dict({"name": "meanP", "dim": 8, "size": 1, "colour": 2})
    with pytest.raises(InvalidHeadConfig, match="the description of a head is incomplete"):
        HeadConfig.from_dict({"name": "meanP"})
