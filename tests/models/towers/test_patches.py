"""Clips through a picture tower, with 2D and 3D patches."""

import open_clip
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from models.clip.patches import NoPatches, PatchProjection3D, kernel_frames_in, use_3d_patches
from models.errors import KinodexError
from models.frame_sets import EmptyVideo
from models.towers.blocks import OtherTower
from models.towers.joint_tokens import use_joint_space_time
from models.towers.patches import encode_clips
from models.towers.vit import ViTTower
from tests.models.random_heads import GARBAGE
from tests.models.tiny_clip import tiny_clip

MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1]]).bool()


@pytest.fixture
def visual() -> nn.Module:
    return tiny_clip(dim=48).visual


def pixels() -> torch.Tensor:
    return torch.randn(3, 4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def trained(visual: nn.Module) -> nn.Module:
    """A tower whose 3D projection has learnt to look at the frames beside."""
    use_3d_patches(visual)
    torch.manual_seed(1)
    with torch.no_grad():
        visual.conv1.weight.normal_(std=0.05)
    return visual


def test_clips_are_encoded_frame_by_frame_and_padding_not_at_all(visual):
    seen = []
    visual.conv1.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    embeddings = encode_clips(visual, pixels(), MASK)
    assert embeddings.shape == (3, 4, 48)
    assert seen == [8]
    torch.testing.assert_close(embeddings[MASK], visual(pixels()[MASK]))
    assert embeddings[~MASK].abs().max() == 0


@pytest.mark.parametrize("kernel_frames", [1, 3, 5, 7])
def test_3d_patches_begin_equal_to_2d_ones(visual, kernel_frames):
    expected = encode_clips(visual, pixels(), MASK)
    use_3d_patches(visual, kernel_frames=kernel_frames)
    assert visual.conv1.weight.shape == (64, 3, kernel_frames, 16, 16)
    found = encode_clips(visual, pixels(), MASK)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_the_2d_kernel_becomes_the_middle_slice_and_does_not_stay_beside(visual):
    kernel, before = visual.conv1.weight.clone(), sum(1 for _ in visual.parameters())
    use_3d_patches(visual)
    assert torch.equal(visual.conv1.weight[:, :, 1], kernel)
    assert visual.conv1.weight[:, :, [0, 2]].abs().max() == 0
    assert sum(1 for _ in visual.parameters()) == before
    encode_clips(visual, pixels(), MASK).sum().backward()
    assert [key for key, value in visual.named_parameters() if value.grad is None] == []


def test_the_outer_slices_learn(visual):
    use_3d_patches(visual)
    encode_clips(visual, pixels(), MASK)[..., 0].sum().backward()
    assert visual.conv1.weight.grad[:, :, [0, 2]].abs().max() > 0


def test_a_frame_sees_its_neighbours_and_no_further(visual):
    tower, whole = trained(visual), torch.ones(1, 4, dtype=torch.bool)
    clip = pixels()[:1]
    before = encode_clips(tower, clip, whole)
    clip[0, 0] += 1.0
    change = (encode_clips(tower, clip, whole) - before).abs().amax(-1)[0]
    assert change[0] > 1e-3
    assert change[1] > 1e-3
    assert change[2:].max() < 1e-5


@pytest.mark.parametrize("value", GARBAGE)
def test_padding_may_hold_anything(visual, value):
    tower = trained(visual)
    clean, dirty = pixels(), pixels()
    clean[~MASK], dirty[~MASK] = 0.0, value
    dirty.requires_grad_()
    found = encode_clips(tower, dirty, MASK)
    assert torch.equal(found, encode_clips(tower, clean, MASK))
    found.sum().backward()
    assert dirty.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in tower.parameters())


def test_padding_behind_a_clip_counts_as_its_end(visual):
    tower = trained(visual)
    padded = encode_clips(tower, pixels()[1:2], MASK[1:2])[:, :2]
    torch.testing.assert_close(padded, encode_clips(tower, pixels()[1:2, :2], MASK[1:2, :2]))


def test_a_picture_is_a_clip_of_one_frame(visual):
    tower, pictures = trained(visual), pixels()[:, 0]
    one = torch.ones(3, 1, dtype=torch.bool)
    torch.testing.assert_close(tower(pictures), encode_clips(tower, pictures[:, None], one)[:, 0])


def test_a_frozen_projection_stays_frozen(visual):
    visual.conv1.weight.requires_grad_(False)
    use_3d_patches(visual)
    assert not visual.conv1.weight.requires_grad


def test_weights_with_3d_patches_can_be_saved_and_loaded(visual):
    tower, again = trained(visual), tiny_clip(dim=48).visual
    use_3d_patches(again)
    again.load_state_dict(tower.state_dict())
    torch.testing.assert_close(
        encode_clips(again, pixels(), MASK), encode_clips(tower, pixels(), MASK)
    )


def test_videos_without_frames_are_named(visual):
    mask = MASK.clone()
    mask[0] = False
    with pytest.raises(EmptyVideo, match="row 0"):
        encode_clips(visual, pixels(), mask)


@pytest.mark.parametrize("kernel_frames", [0, 2, -3])
def test_an_even_kernel_has_no_middle(visual, kernel_frames):
    with pytest.raises(ValueError, match="kernel_frames must be odd"):
        PatchProjection3D(visual.conv1, kernel_frames=kernel_frames)


@pytest.mark.parametrize("kind", ["ResNet", "already 3D"])
def test_other_towers_are_refused(visual, kind):
    if kind == "ResNet":
        visual = open_clip.modified_resnet.ModifiedResNet(
            [1, 1, 1, 1], 8, 2, image_size=32, width=8
        )
    else:
        use_3d_patches(visual)
    with pytest.raises(NoPatches, match="choose another model or 2D patches") as caught:
        use_3d_patches(visual)
    assert isinstance(caught.value, KinodexError)


def test_a_projection_with_a_bias_stays_2d():
    with pytest.raises(NoPatches, match="without bias"):
        PatchProjection3D(nn.Conv2d(3, 4, 8, stride=8))


def test_layers_of_a_tower_with_3d_patches_are_those_of_a_picture(visual):
    tower, pictures = trained(visual), pixels()[:, 0]
    _, embeddings = ViTTower(tower)(pictures, [], True)
    torch.testing.assert_close(embeddings, tower(pictures))


def test_joint_and_3d_patches_exclude_each_other(visual):
    use_3d_patches(visual)
    with pytest.raises(OtherTower, match="choose a model with 2D patches"):
        use_joint_space_time(visual, frames=4)


def test_only_a_file_of_ours_tells_of_3d_patches(visual, tmp_path):
    state = {f"visual.{name}": value for name, value in trained(visual).state_dict().items()}
    save_file(state, tmp_path / "in_3d.safetensors")
    state["visual.conv1.weight"] = state["visual.conv1.weight"][:, :, 1].contiguous()
    save_file(state, tmp_path / "in_2d.safetensors")
    (tmp_path / "damaged.safetensors").write_bytes(b"no weights")
    names = ("in_3d.safetensors", "in_2d.safetensors", "damaged.safetensors", "gone.safetensors")
    found = [kernel_frames_in(tmp_path / name) for name in (*names, "a.pt")]
    assert found == [3, None, None, None, None]
    assert kernel_frames_in(None) is None
