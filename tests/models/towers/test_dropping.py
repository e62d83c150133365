"""Parts of a picture tower that are left out by chance."""

import pytest
import torch
from open_clip.transformer import VisionTransformer

from models.towers.blocks import OtherTower
from models.towers.dropping import use_dropping
from models.towers.joint_tokens import encode_videos, use_joint_space_time
from models.towers.patches import encode_clips
from models.towers.temporal_shift import use_temporal_shift

PICTURES = torch.randn(64, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def tower() -> VisionTransformer:
    """Of three blocks, in training."""
    torch.manual_seed(3)
    return VisionTransformer(32, 16, width=24, layers=3, heads=2, mlp_ratio=2.0, output_dim=8)


def branches(visual: VisionTransformer) -> list[list[torch.Tensor]]:
    """What the branches of each block add, of all pictures."""
    told: list[list[torch.Tensor]] = [[] for _ in visual.transformer.resblocks]
    for number, block in enumerate(visual.transformer.resblocks):
        for branch in (block.ls_1, block.ls_2):
            branch.register_forward_hook(lambda _m, _i, output, n=number: told[n].append(output))
    torch.manual_seed(0)
    with torch.no_grad():
        visual(PICTURES)
    return told


def test_the_last_blocks_branches_are_left_out_most_and_the_firsts_never():
    visual = tower()
    use_dropping(visual, depth=0.5, embedding=0.0)
    told = branches(visual)
    last = len(told) - 1
    for number, outputs in enumerate(told):
        for output in outputs:
            gone = (output.flatten(1) == 0).all(dim=1)
            kept = (output.flatten(1) != 0).all(dim=1)
            assert (gone | kept).all()  # all of a picture's, or nothing
            assert gone.float().mean() == pytest.approx(0.5 * number / last, abs=0.2)
    assert not torch.equal(*[(one.flatten(1) == 0).all(dim=1) for one in told[last]])


def test_what_is_kept_is_enlarged_so_that_the_mean_stays():
    plain, dropping = tower(), tower()
    for visual in (plain, dropping):
        visual.transformer.resblocks = visual.transformer.resblocks[:2]
    use_dropping(dropping, depth=0.75, embedding=0.0)
    # The first block leaves nothing out, so the attention of the second sees the same.
    whole, part = branches(plain)[1][0], branches(dropping)[1][0]
    kept = (part.flatten(1) != 0).all(dim=1)
    assert 0 < kept.sum() < len(PICTURES)
    torch.testing.assert_close(part[kept], 4 * whole[kept])


def test_an_only_block_is_the_last():
    visual = tower()
    visual.transformer.resblocks = visual.transformer.resblocks[:1]
    use_dropping(visual, depth=0.5, embedding=0.0)
    [[attention, _]] = branches(visual)
    assert 0 < (attention.flatten(1) == 0).all(dim=1).sum() < len(PICTURES)


def test_numbers_of_the_embeddings_are_left_out():
    visual, seen = tower(), []
    use_dropping(visual, depth=0.0, embedding=0.25)
    visual.ln_pre.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        visual(PICTURES)
    assert float((seen[0] == 0).float().mean()) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(
    "how", [{"depth": 0.0, "embedding": 0.0}, {"depth": 0.5, "embedding": 0.3}]
)
def test_in_evaluation_nothing_is_left_out_and_names_stay(how):
    plain, dropping = tower().eval(), tower().eval()
    names = list(dropping.state_dict())
    use_dropping(dropping, **how)
    with torch.no_grad():
        assert torch.equal(dropping(PICTURES), plain(PICTURES))
    assert list(dropping.state_dict()) == names


@pytest.mark.parametrize("visual", ["plain", "shift", "joint"])
def test_towers_that_see_time_leave_out_too(visual):
    one = tower()
    use_dropping(one, depth=0.9, embedding=0.0)
    if visual == "shift":
        use_temporal_shift(one)
    if visual == "joint":
        use_joint_space_time(one, frames=4)
    encode = encode_videos if visual == "joint" else encode_clips
    clips, mask = PICTURES[:8].unflatten(0, (2, 4)), torch.ones(2, 4, dtype=torch.bool)
    with torch.no_grad():
        torch.manual_seed(0)
        first = encode(one, clips, mask)
        again = encode(one, clips, mask)
        torch.manual_seed(0)
        same = encode(one, clips, mask)
    assert torch.equal(first, same)
    assert not torch.equal(first, again)


def test_other_towers_are_told():
    with pytest.raises(
        OtherTower, match="Dropping needs a model whose picture tower is CLIP's ViT"
    ):
        use_dropping(torch.nn.Linear(2, 2), depth=0.1, embedding=0.0)
    use_dropping(torch.nn.Linear(2, 2), depth=0.0, embedding=0.0)
