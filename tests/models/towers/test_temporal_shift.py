"""Shift in a picture tower: formula, ends of clips, gaps, padding, and what it leaves alone."""

import copy

import open_clip
import pytest
import torch
from torch import nn

from models.clip.patches import use_3d_patches
from models.frame_sets import EmptyVideo
from models.towers.blocks import OtherTower
from models.towers.patches import encode_clips
from models.towers.temporal_shift import neighbours_in, shift_patches, use_temporal_shift
from tests.models import vision_formulas
from tests.models.clips import (
    ATTENTION_HEADS,
    MASK,
    double_weights,
    random_pixels,
    random_tower,
    still_pixels,
)
from tests.models.random_heads import GARBAGE

each_placement = pytest.mark.parametrize("placement", ["branch", "residual"])


@pytest.fixture
def visual() -> nn.Module:
    return random_tower()


def shifting(visual: nn.Module, **options) -> nn.Module:
    tower = copy.deepcopy(visual)
    use_temporal_shift(tower, **options)
    return tower


@each_placement
@pytest.mark.parametrize("fold", [2, 4, 8])
def test_a_shifting_tower_is_its_formula(visual, placement, fold):
    weights = double_weights(visual)
    found = encode_clips(shifting(visual, fold=fold, placement=placement), random_pixels(), MASK)
    for video, valid in enumerate(MASK):
        expected = vision_formulas.frame_embeddings(
            weights,
            random_pixels()[video, valid].double(),
            heads=ATTENTION_HEADS,
            channels=64 // fold,
            placement=placement,
        )
        torch.testing.assert_close(found[video, valid].double(), expected, atol=1e-5, rtol=1e-5)
    assert found[~MASK].abs().max() == 0


@each_placement
def test_a_shift_of_nothing_is_the_plain_tower(visual, placement):
    found = encode_clips(shifting(visual, fold=0, placement=placement), random_pixels(), MASK)
    expected = encode_clips(visual, random_pixels(), MASK)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


@each_placement
def test_a_clip_of_one_frame_is_encoded_as_a_picture(visual, placement):
    tower, alone = shifting(visual, placement=placement), torch.ones(4, 1, dtype=torch.bool)
    found = encode_clips(tower, random_pixels(4, 1), alone)[:, 0]
    torch.testing.assert_close(found, visual(random_pixels(4, 1)[:, 0]), atol=1e-6, rtol=0)


def test_pictures_are_encoded_as_before_and_the_weights_keep_their_names(visual):
    tower = shifting(visual)
    pictures = random_pixels(4, 1)[:, 0]
    assert torch.equal(tower(pictures), visual(pictures))
    assert list(tower.state_dict()) == list(visual.state_dict())


def test_only_the_chosen_blocks_shift(visual):
    whole = torch.ones(4, 4, dtype=torch.bool)
    plain = encode_clips(visual, random_pixels(), whole)
    none, one, both = (
        encode_clips(shifting(visual, blocks=blocks), random_pixels(), whole)
        for blocks in ([], [1], [0, 1])
    )
    torch.testing.assert_close(none, plain, atol=1e-6, rtol=0)
    assert (one - plain).abs().max() > 1e-3
    assert (one - both).abs().max() > 1e-3


@each_placement
def test_a_still_clip_changes_at_its_ends_only_when_seen_by_one_block(visual, placement):
    """Every inner frame gets from its neighbours what it had itself."""
    tower, whole = shifting(visual, placement=placement, blocks=[1]), MASK[:1]
    found = encode_clips(tower, still_pixels()[:1], whole)[0]
    plain = encode_clips(visual, still_pixels()[:1], whole)[0]
    change = (found - plain).abs().amax(-1)
    assert change[1:3].max() < 1e-5
    assert change[[0, 3]].min() > 1e-3


def test_a_frame_is_heard_one_frame_further_with_every_block(visual):
    pixels, whole = random_pixels(1), MASK[:1]
    for blocks, reach in (([1], 1), ([0, 1], 2)):
        tower = shifting(visual, blocks=blocks)
        before = encode_clips(tower, pixels, whole)[0]
        touched = pixels.clone()
        touched[0, 0] += 1.0
        change = (encode_clips(tower, touched, whole)[0] - before).abs().amax(-1)
        assert (change > 1e-4).tolist() == [time <= reach for time in range(4)]


@each_placement
@pytest.mark.parametrize("value", GARBAGE)
def test_padding_may_hold_anything(visual, placement, value):
    tower = shifting(visual, placement=placement)
    dirty = random_pixels()
    dirty[~MASK] = value
    dirty.requires_grad_()
    found = encode_clips(tower, dirty, MASK)
    assert torch.equal(found, encode_clips(tower, random_pixels(), MASK))
    found.sum().backward()
    assert dirty.grad.isfinite().all()
    assert dirty.grad[~MASK].abs().max() == 0


@each_placement
def test_gaps_are_closed(visual, placement):
    tower, kept = shifting(visual, placement=placement), MASK[2]
    scattered = encode_clips(tower, random_pixels()[2:3], MASK[2:3])[0, kept]
    whole = torch.ones(1, 2, dtype=torch.bool)
    together = encode_clips(tower, random_pixels()[2:3, kept], whole)[0]
    torch.testing.assert_close(scattered, together, atol=1e-6, rtol=0)


@each_placement
def test_videos_in_a_batch_do_not_change_each_other(visual, placement):
    tower = shifting(visual, placement=placement)
    together = encode_clips(tower, random_pixels(), MASK)
    for video in range(4):
        one = slice(video, video + 1)
        alone = encode_clips(tower, random_pixels()[one], MASK[one])
        torch.testing.assert_close(alone, together[one], atol=1e-5, rtol=0)


def test_the_class_token_stays_and_so_does_what_lies_within_a_clip():
    hidden = torch.randn(6, 5, 16, generator=torch.Generator().manual_seed(0))
    hidden[[0, 5], 1:] = 0
    moved = shift_patches(hidden, neighbours_in(torch.ones(1, 6, dtype=torch.bool)), channels=2)
    assert torch.equal(moved[:, 0], hidden[:, 0])
    assert torch.equal(moved[:, 1:, 4:], hidden[:, 1:, 4:])
    assert not torch.equal(moved, hidden)
    torch.testing.assert_close(moved.sum(0), hidden.sum(0))


def test_neighbours_stand_in_the_same_clip():
    before, after = neighbours_in(MASK)
    assert before.tolist() == [9, 0, 1, 2, 9, 4, 9, 6, 8]
    assert after.tolist() == [1, 2, 3, 9, 5, 9, 7, 9, 8]


def test_gradients_are_the_same_when_blocks_are_worked_out_twice(visual):
    gradients = []
    for again in (False, True):
        tower = shifting(visual).train()
        tower.set_grad_checkpointing(again)
        encode_clips(tower, random_pixels(), MASK)[..., 0].sum().backward()
        gradients.append(tower.conv1.weight.grad)
    torch.testing.assert_close(gradients[1], gradients[0])


def test_shift_goes_with_3d_patches(visual):
    tower = shifting(visual)
    expected = encode_clips(tower, random_pixels(), MASK)
    use_3d_patches(tower)
    found = encode_clips(tower, random_pixels(), MASK)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_mixed_precision_comes_close(visual):
    tower = shifting(visual)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = encode_clips(tower, random_pixels(), MASK)
    expected = encode_clips(tower, random_pixels(), MASK)
    assert torch.cosine_similarity(found.float()[MASK], expected[MASK]).min() > 0.99


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fold": 1}, "fold must be 0, or 2 and more, not 1"),
        ({"fold": -8}, "fold must be 0, or 2 and more, not -8"),
        ({"placement": "middle"}, "placement must be branch or residual, not 'middle'"),
        ({"blocks": [1, 2]}, r"the tower has blocks 0 to 1, not \[1, 2\]"),
    ],
)
def test_what_cannot_be_is_refused(visual, options, message):
    with pytest.raises(ValueError, match=message):
        use_temporal_shift(visual, **options)


def test_other_towers_are_refused():
    resnet = open_clip.modified_resnet.ModifiedResNet([1, 1, 1, 1], 8, 2, image_size=32, width=8)
    with pytest.raises(OtherTower, match=r"Shift needs a model whose picture tower is CLIP's ViT"):
        use_temporal_shift(resnet)


def test_videos_without_frames_are_named(visual):
    mask = MASK.clone()
    mask[3] = False
    with pytest.raises(EmptyVideo, match="row 3"):
        encode_clips(shifting(visual), random_pixels(), mask)
