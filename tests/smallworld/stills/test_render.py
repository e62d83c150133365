import pytest
import torch

from smallworld.stills.damage import damage
from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.render import compose
from smallworld.stills.sprites import SpriteAtlas


def drawn_on_black(
    placement: Placement, atlas: SpriteAtlas, *, width: int = 96, height: int = 96
) -> torch.Tensor:
    picture = Picture("grass", 0, (placement,))
    return compose(torch.zeros(1, 3, height, width), [picture], atlas)[0]


def centre_of(frame: torch.Tensor) -> tuple[float, float]:
    """In pixels: right and down."""
    weight = (frame.sum(0) > 0.1).float()
    rows, columns = torch.meshgrid(
        torch.arange(frame.shape[1]), torch.arange(frame.shape[2]), indexing="ij"
    )
    total = weight.sum()
    return float((columns * weight).sum() / total), float((rows * weight).sum() / total)


@pytest.mark.parametrize("size", [0.15, 0.3, 0.5])
def test_a_thing_is_drawn_where_and_as_large_as_it_should_be(
    atlas: SpriteAtlas, size: float
) -> None:
    frame = drawn_on_black(Placement("football", 0.3, 0.7, size), atlas)
    x, y = centre_of(frame)
    assert x == pytest.approx(0.3 * 96, abs=1.5)
    assert y == pytest.approx(0.7 * 96, abs=1.5)
    columns = (frame.sum(0) > 0.1).any(dim=0)
    assert int(columns.sum()) == pytest.approx(size * 96, abs=2.5)


def test_places_are_those_of_the_central_square_in_a_wide_picture(atlas: SpriteAtlas) -> None:
    frame = drawn_on_black(Placement("football", 0.25, 0.5, 0.3), atlas, width=160)
    assert centre_of(frame)[0] == pytest.approx((160 - 96) / 2 + 0.25 * 96, abs=1.5)


def test_upside_down_is_half_a_turn(atlas: SpriteAtlas) -> None:
    upright = drawn_on_black(Placement("cat", 0.5, 0.5, 0.6), atlas)
    turned = drawn_on_black(Placement("cat", 0.5, 0.5, 0.6, 180), atlas)
    assert torch.allclose(turned.flip(1, 2), upright, atol=0.02)


def test_angles_go_clockwise(atlas: SpriteAtlas) -> None:
    upright = drawn_on_black(Placement("cat", 0.5, 0.5, 0.6), atlas)
    turned = drawn_on_black(Placement("cat", 0.5, 0.5, 0.6, 90), atlas)
    assert torch.allclose(torch.rot90(upright, -1, (1, 2)), turned, atol=0.02)


def test_a_thing_outside_the_picture_leaves_it_alone(atlas: SpriteAtlas) -> None:
    assert float(drawn_on_black(Placement("cat", 3.0, 0.5, 0.3), atlas).sum()) == 0


def test_later_things_lie_over_earlier_ones(atlas: SpriteAtlas) -> None:
    below, above = Placement("red apple", 0.5, 0.5, 0.5), Placement("football", 0.5, 0.5, 0.5)
    black = torch.zeros(1, 3, 96, 96)
    both = compose(black, [Picture("grass", 0, (below, above))], atlas)[0]
    alone = compose(black, [Picture("grass", 0, (above,))], atlas)[0]
    assert torch.allclose(both[:, 44:52, 44:52], alone[:, 44:52, 44:52], atol=0.02)


def test_a_faint_thing_lets_half_of_what_is_behind_it_through(atlas: SpriteAtlas) -> None:
    grey = torch.full((1, 3, 96, 96), 0.5)
    half = Placement("cat", 0.5, 0.5, 0.6, opacity=0.5)
    faint, whole = (
        compose(grey, [Picture("grass", 0, (placement,))], atlas)
        for placement in (half, Placement("cat", 0.5, 0.5, 0.6))
    )
    assert torch.allclose(faint, (grey + whole) / 2, atol=1e-5)


def test_frames_of_a_clip_share_all_damage_but_the_grain() -> None:
    frames = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1)).expand(
        24, -1, -1, -1
    )
    frames = torch.nn.functional.interpolate(frames, size=64, mode="bilinear")
    damaged = damage(frames, torch.Generator().manual_seed(2), clip_lengths=[4] * 6)
    clips = damaged.reshape(6, 4, 3, 64, 64)
    within = (clips[:, 1:] - clips[:, :1]).mean(dim=(2, 3, 4)).abs()
    assert float(within.max()) < 0.005
    light = clips.mean(dim=(1, 2, 3, 4))
    assert float(light.max() - light.min()) > 0.05


def test_frames_of_one_each_are_damaged_as_stills() -> None:
    frames = torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    alone = damage(frames, torch.Generator().manual_seed(2))
    listed = damage(frames, torch.Generator().manual_seed(2), clip_lengths=[1] * 5)
    assert torch.equal(alone, listed)


def test_damage_changes_pictures_but_not_beyond_recognition() -> None:
    frames = torch.rand(32, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    frames = torch.nn.functional.interpolate(frames, size=64, mode="bilinear")
    damaged = damage(frames, torch.Generator().manual_seed(2))
    again = damage(frames, torch.Generator().manual_seed(2))
    assert torch.equal(damaged, again)
    assert float(damaged.min()) >= 0
    assert float(damaged.max()) <= 1
    assert 0.01 < float((damaged - frames).abs().mean()) < 0.15
