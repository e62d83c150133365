"""Which parameters train, at which rate, and how the rate goes up and down."""

import open_clip
import pytest
import torch
from torch import nn

from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.training.optimisation import (
    freeze_below,
    freeze_image_tower,
    freeze_text_tower,
    make_optimiser,
    parameter_groups,
    rate_share,
    set_rates,
)

VIT = {"image_size": 32, "layers": 2, "width": 32, "patch_size": 16, "head_width": 16}
RESNET = {"image_size": 32, "layers": [1, 2, 1, 1], "width": 8, "patch_size": None}
TEXT = {"context_length": 8, "vocab_size": 100, "width": 32, "heads": 2, "layers": 2}


def model(kind: type[nn.Module] = open_clip.CLIP, vision: dict = VIT) -> nn.Module:
    return kind(embed_dim=16, vision_cfg=vision, text_cfg=TEXT)


def frozen(one: nn.Module) -> set[str]:
    return {name for name, parameter in one.named_parameters() if not parameter.requires_grad}


def test_depth_0_freezes_the_seven_tensors_before_the_blocks():
    plain = model()
    freeze_below(plain, 0)
    assert frozen(plain) == {
        "positional_embedding",
        "token_embedding.weight",
        "visual.class_embedding",
        "visual.positional_embedding",
        "visual.conv1.weight",
        "visual.ln_pre.weight",
        "visual.ln_pre.bias",
    }


def test_depth_1_also_freezes_the_first_block_of_each_tower():
    plain = model()
    freeze_below(plain, 1)
    names = frozen(plain)
    assert {name for name in names if "resblocks" in name} == {
        name
        for name, _ in plain.named_parameters()
        if name.startswith(("transformer.resblocks.0.", "visual.transformer.resblocks.0."))
    }
    assert "token_embedding.weight" in names


def test_a_depth_past_the_last_block_leaves_final_norms_projections_and_scale():
    plain = model()
    freeze_below(plain, 12)
    assert {name for name, p in plain.named_parameters() if p.requires_grad} == {
        "ln_final.weight",
        "ln_final.bias",
        "text_projection",
        "logit_scale",
        "visual.ln_post.weight",
        "visual.ln_post.bias",
        "visual.proj",
    }


def test_minus_1_freezes_nothing_and_thaws_what_was_frozen():
    plain = model()
    freeze_below(plain, 2)
    freeze_below(plain, -1)
    assert frozen(plain) == set()


def test_a_text_tower_of_its_own_is_frozen_alike():
    plain, custom = model(), model(open_clip.CustomTextCLIP)
    for one in (plain, custom):
        freeze_below(one, 1)
    assert {name.removeprefix("text.") for name in frozen(custom)} == frozen(plain)


def test_a_resnets_bottlenecks_are_counted_through():
    resnet = model(vision=RESNET)
    freeze_below(resnet, 2)
    names = {name for name in frozen(resnet) if name.startswith("visual.")}
    assert {name.split(".")[1] for name in names} == {
        *("conv1", "bn1", "conv2", "bn2", "conv3", "bn3"),
        *("layer1", "layer2", "attnpool"),
    }
    assert {name for name in names if "attnpool" in name} == {
        "visual.attnpool.positional_embedding"
    }
    assert not any(name.startswith("visual.layer2.1.") for name in names)


def test_less_than_nothing_cannot_be_frozen():
    with pytest.raises(ValueError, match="-1 freezes nothing"):
        freeze_below(model(), -2)


def test_freezing_the_image_tower_leaves_the_text_tower_alone():
    plain = model()
    freeze_image_tower(plain)
    assert all(name.startswith("visual.") for name in frozen(plain))
    assert len(frozen(plain)) == len(list(plain.visual.parameters()))


def decayed(one: nn.Module) -> set[str]:
    groups = parameter_groups(one, learning_rate=1.0, weight_decay=0.2)
    chosen = {id(p) for group in groups if group["weight_decay"] for p in group["params"]}
    return {name for name, parameter in one.named_parameters() if id(parameter) in chosen}


def test_norms_biases_embeddings_and_the_logit_scale_are_not_decayed():
    names = decayed(model())
    assert names == {
        name
        for name, _ in model().named_parameters()
        if name.endswith(("proj", "text_projection", "in_proj_weight"))
        or name.endswith(("conv1.weight", "out_proj.weight", "c_fc.weight", "c_proj.weight"))
    }


@pytest.mark.parametrize("name", ["seqTransf", "tightTransf"])
def test_position_tables_of_heads_are_not_decayed(name):
    head = make_head(HeadConfig(name, 16, blocks=1))
    assert not any("position" in parameter for parameter in decayed(head))
    assert any("c_fc" in parameter for parameter in decayed(head))


def test_a_bare_logit_scale_of_shape_1_is_not_decayed():
    siglip = open_clip.CLIP(
        embed_dim=16, vision_cfg=VIT, text_cfg=TEXT, init_logit_bias=-10, nonscalar_logit_scale=True
    )
    assert not any("logit" in name for name in decayed(siglip))


def test_frozen_parameters_are_in_no_group_and_each_other_one_is_in_one():
    plain = model()
    freeze_below(plain, 1)
    groups = parameter_groups(plain, learning_rate=1.0, weight_decay=0.2)
    found = [id(p) for group in groups for p in group["params"]]
    assert sorted(found) == sorted(id(p) for p in plain.parameters() if p.requires_grad)


def test_the_first_update_counts_and_the_rise_ends_at_the_full_rate():
    shares = [rate_share(step, steps=100, warmup_share=0.1) for step in range(12)]
    assert shares[:10] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    assert shares[10] == pytest.approx(0.99971, abs=1e-5)  # a small first step of the cosine


def test_the_rate_falls_along_half_a_cosine():
    shares = [rate_share(step, steps=7, warmup_share=0.3) for step in range(8)]
    expected = [0.5, 1.0, 0.933013, 0.75, 0.5, 0.25, 0.066987, 0.0]
    assert shares == pytest.approx(expected, abs=1e-6)
    shares = [rate_share(step, steps=4, warmup_share=0.0) for step in range(5)]
    assert shares == pytest.approx([1.0, 0.853553, 0.5, 0.146447, 0.0], abs=1e-6)


@pytest.mark.parametrize("warmup_share", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 7, 100])
def test_the_rate_is_never_zero_in_the_run_never_rises_after_the_peak_and_ends_at_zero(
    steps, warmup_share
):
    shares = [rate_share(s, steps=steps, warmup_share=warmup_share) for s in range(steps)]
    peak = shares.index(max(shares))
    assert max(shares) == pytest.approx(1.0)
    assert min(shares) > 0
    assert shares[peak:] == sorted(shares[peak:], reverse=True)
    assert rate_share(steps, steps=steps, warmup_share=warmup_share) == pytest.approx(0.0)
    assert rate_share(steps + 50, steps=steps, warmup_share=warmup_share) == pytest.approx(0.0)


def test_each_group_keeps_its_own_peak():
    head, tower = nn.Linear(2, 2), nn.Linear(2, 2)
    optimiser = torch.optim.AdamW(
        parameter_groups(head, learning_rate=1e-4, weight_decay=0.2)
        + parameter_groups(tower, learning_rate=1e-5, weight_decay=0.2)
    )
    set_rates(optimiser, 0.5)
    assert [group["lr"] for group in optimiser.param_groups] == [5e-5, 5e-5, 5e-6, 5e-6]


@pytest.mark.parametrize(
    ("step", "share"), [(0, 0.5), (1, 1.0), (2, 1.0), (11, 1.0), (12, 0.1), (17, 0.1), (18, 0.01)]
)
def test_with_drops_the_rate_stays_and_falls_to_a_tenth_at_each(step, share):
    found = rate_share(step, steps=20, warmup_share=0.1, drops=(0.6, 0.9))
    assert found == pytest.approx(share)


def one_step(name: str, **group: float) -> float:
    """Where a weight of 1 goes whose gradient is 0.5."""
    weight = torch.nn.Parameter(torch.ones(1))
    optimiser = make_optimiser(name, [{"params": [weight], "weight_decay": 0.0, **group}])
    weight.grad = torch.full((1,), 0.5)
    optimiser.step()
    return weight.item()


def test_each_optimiser_takes_its_own_step():
    assert one_step("sgd", lr=0.1) == pytest.approx(0.95)
    assert one_step("adam", lr=0.1) == pytest.approx(0.9, abs=1e-5)
    assert one_step("adamw", lr=0.1) == pytest.approx(0.9, abs=1e-5)
    # Decay is a part of SGD's gradient, and of AdamW's weights alone.
    assert one_step("sgd", lr=0.1, weight_decay=0.2) == pytest.approx(0.93)
    assert one_step("adamw", lr=0.1, weight_decay=0.2) == pytest.approx(0.88, abs=1e-5)


def test_the_text_tower_is_frozen_without_the_picture_tower():
    one = model()
    freeze_text_tower(one)
    trains = {name.split(".")[0] for name, p in one.named_parameters() if p.requires_grad}
    assert trains == {"visual"}
