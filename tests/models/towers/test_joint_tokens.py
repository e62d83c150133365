"""Joint space-time tokens: formula, what equals the plain tower, any number of frames, padding."""

import copy

import open_clip
import pytest
import torch
from torch import nn

from models.frame_sets import EmptyVideo
from models.towers.blocks import OtherTower
from models.towers.joint_tokens import encode_videos, use_joint_space_time
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


@pytest.fixture
def visual() -> nn.Module:
    return random_tower()


def joint(visual: nn.Module, *, frames: int = 4, learnt: bool = False) -> nn.Module:
    tower = copy.deepcopy(visual)
    use_joint_space_time(tower, frames=frames)
    if learnt:
        torch.manual_seed(6)
        nn.init.normal_(tower.temporal_embedding, std=0.5)
    return tower


@pytest.mark.parametrize("learnt", [False, True])
def test_a_joint_tower_is_its_formula(visual, learnt):
    tower = joint(visual, learnt=learnt)
    found = encode_videos(tower, random_pixels(), MASK)
    table = tower.temporal_embedding.detach().double()
    for video, valid in enumerate(MASK):
        expected = vision_formulas.joint_embedding(
            double_weights(visual),
            random_pixels()[video, valid].double(),
            table,
            heads=ATTENTION_HEADS,
        )
        torch.testing.assert_close(found[video].double(), expected, atol=1e-5, rtol=1e-5)


def test_a_new_joint_tower_encodes_one_frame_as_a_picture(visual):
    alone = torch.ones(4, 1, dtype=torch.bool)
    found = encode_videos(joint(visual), random_pixels(4, 1), alone)
    torch.testing.assert_close(found, visual(random_pixels(4, 1)[:, 0]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("gradients", [False, True])
def test_a_new_joint_tower_encodes_a_still_clip_as_its_picture(visual, gradients):
    with torch.set_grad_enabled(gradients):
        found = encode_videos(joint(visual), still_pixels(), MASK)
    torch.testing.assert_close(found, visual(still_pixels()[:, 0]), atol=1e-5, rtol=0)


def test_a_new_joint_tower_reads_no_order_and_a_trained_one_does(visual):
    whole, order = MASK[:1], torch.tensor([2, 0, 3, 1])
    for learnt in (False, True):
        tower = joint(visual, learnt=learnt)
        straight = encode_videos(tower, random_pixels(1), whole)
        mixed = encode_videos(tower, random_pixels(1)[:, order], whole)
        change = (straight - mixed).abs().max()
        assert change > 1e-2 if learnt else change < 1e-5


def test_pictures_are_encoded_as_before_and_one_weight_is_new(visual):
    tower = joint(visual, learnt=True)
    pictures = random_pixels(4, 1)[:, 0]
    assert torch.equal(tower(pictures), visual(pictures))
    assert set(tower.state_dict()) - set(visual.state_dict()) == {"temporal_embedding"}
    assert tower.temporal_embedding.shape == (4, 64)


def test_a_table_of_one_frame_is_enough(visual):
    tower = joint(visual, frames=1)
    assert tower.temporal_embedding.shape == (1, 64)
    assert torch.equal(tower.temporal_embedding, torch.zeros(1, 64))


def test_the_table_learns(visual):
    tower = joint(visual)
    encode_videos(tower, random_pixels(), MASK)[:, 0].sum().backward()
    assert (tower.temporal_embedding.grad.abs().amax(1) > 0).all()


@pytest.mark.parametrize("value", GARBAGE)
def test_padding_may_hold_anything(visual, value):
    tower, dirty = joint(visual, learnt=True), random_pixels()
    dirty[~MASK] = value
    dirty.requires_grad_()
    found = encode_videos(tower, dirty, MASK)
    assert torch.equal(found, encode_videos(tower, random_pixels(), MASK))
    found.sum().backward()
    assert dirty.grad.isfinite().all()
    assert tower.temporal_embedding.grad.isfinite().all()


def test_videos_in_a_batch_do_not_change_each_other(visual):
    tower = joint(visual, learnt=True)
    together = encode_videos(tower, random_pixels(), MASK)
    for video, valid in enumerate(MASK):
        whole = torch.ones(1, int(valid.sum()), dtype=torch.bool)
        alone = encode_videos(tower, random_pixels()[video : video + 1, valid], whole)
        torch.testing.assert_close(alone[0], together[video], atol=1e-5, rtol=0)


def test_a_video_longer_than_the_table_has_it_stretched(visual):
    short = joint(visual, frames=3)
    with torch.no_grad():
        short.temporal_embedding.copy_(torch.tensor([[0.0], [1.0], [4.0]]).expand(-1, 64))
    long = joint(visual, frames=5)
    with torch.no_grad():
        rows = torch.tensor([[0.0], [0.5], [1.0], [2.5], [4.0]])
        long.temporal_embedding.copy_(rows.expand(-1, 64))
    whole = torch.ones(2, 5, dtype=torch.bool)
    torch.testing.assert_close(
        encode_videos(short, random_pixels(2, 5), whole),
        encode_videos(long, random_pixels(2, 5), whole),
    )


def test_gradients_are_the_same_when_blocks_are_worked_out_twice(visual):
    gradients, runs = [], []
    for again in (False, True):
        tower = joint(visual).train()
        tower.set_grad_checkpointing(again)
        ran = []
        tower.transformer.resblocks[0].ln_1.register_forward_hook(lambda *_, ran=ran: ran.append(0))
        encode_videos(tower, random_pixels(), MASK)[..., 0].sum().backward()
        gradients.append(tower.temporal_embedding.grad)
        runs.append(len(ran))
    torch.testing.assert_close(gradients[1], gradients[0])
    assert runs == [1, 2]


def test_blocks_are_worked_out_once_where_nothing_learns(visual):
    tower = joint(visual).train()
    tower.set_grad_checkpointing(True)
    ran = []
    tower.transformer.resblocks[0].ln_1.register_forward_hook(lambda *_: ran.append(0))
    with torch.no_grad():
        encode_videos(tower, random_pixels(), MASK)
    assert len(ran) == 1


def test_mixed_precision_comes_close(visual):
    tower = joint(visual, learnt=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = encode_videos(tower, random_pixels(), MASK)
    expected = encode_videos(tower, random_pixels(), MASK)
    assert torch.cosine_similarity(found.float(), expected).min() > 0.99


def test_what_cannot_be_is_refused(visual):
    with pytest.raises(ValueError, match="frames must be 1 or more, not 0"):
        use_joint_space_time(visual, frames=0)
    visual.pool_type = "avg"
    with pytest.raises(OtherTower, match="read at its class token"):
        use_joint_space_time(visual, frames=4)
    resnet = open_clip.modified_resnet.ModifiedResNet([1, 1, 1, 1], 8, 2, image_size=32, width=8)
    with pytest.raises(OtherTower, match=r"Joint needs a model whose picture tower is CLIP's ViT"):
        use_joint_space_time(resnet, frames=4)


def test_videos_without_frames_are_named(visual):
    with pytest.raises(EmptyVideo, match="rows 0, 1, 2, 3"):
        encode_videos(joint(visual), random_pixels(), torch.zeros_like(MASK))
