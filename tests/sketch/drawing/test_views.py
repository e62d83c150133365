import numpy as np
import pytest
import torch

from sketch.drawing.views import ViewBank


def dots(side: int = 224) -> torch.Tensor:
    """A picture whose two channels tell where each pixel came from, 0 to 1."""
    centres = (torch.arange(side) + 0.5) / side
    return torch.stack(torch.meshgrid(centres, centres, indexing="xy"))[None]


def corners_of(seen: torch.Tensor) -> np.ndarray:
    """The places in the picture of the view's corner pixels, clockwise from the left top."""
    return np.array([seen[:, y, x].tolist() for y, x in ((0, 0), (0, -1), (-1, -1), (-1, 0))])


def test_view_0_is_the_picture_itself() -> None:
    images = torch.rand(2, 3, 50, 50)
    seen = ViewBank.draw(4, seed=1).apply(images, [0], size=50)
    assert torch.equal(seen[:, 0], images)


def test_views_follow_the_seed_and_a_longer_bank_begins_with_the_same() -> None:
    images = torch.rand(1, 1, 40, 40)
    three = ViewBank.draw(3, seed=7).apply(images, [1, 2], size=40)
    five = ViewBank.draw(5, seed=7).apply(images, [1, 2], size=40)
    other = ViewBank.draw(3, seed=8).apply(images, [1, 2], size=40)
    assert torch.equal(three, five)
    assert not torch.allclose(three, other)
    assert not torch.allclose(three[:, 0], three[:, 1])


def test_order_and_shape_are_batch_then_views() -> None:
    images = torch.rand(3, 2, 40, 40)
    bank = ViewBank.draw(4, seed=7)
    seen = bank.apply(images, [2, 0, 3], size=20)
    assert seen.shape == (3, 3, 2, 20, 20)
    for image in range(3):
        alone = bank.apply(images[image : image + 1], [3], size=20)
        torch.testing.assert_close(seen[image, 2], alone[0, 0])


def test_without_distortion_a_view_is_a_square_cut_out_of_the_area_asked_for() -> None:
    seen = ViewBank.draw(30, seed=3, distortion=0.0, crop=0.8).apply(dots(), range(1, 30), size=224)
    for view in seen[0]:
        (left, top), _, (right, bottom), _ = corners_of(view)
        side = right - left + 0.8**0.5 / 224
        assert side == pytest.approx(0.8**0.5, abs=1e-4)
        assert bottom - top == pytest.approx(right - left, abs=1e-4)
        assert left >= 0 and top >= 0 and right <= 1 and bottom <= 1


def test_without_a_cut_out_the_corners_have_moved_inwards_by_a_quarter_at_most() -> None:
    bank = ViewBank.draw(40, seed=3, distortion=0.5, crop=1.0)
    found = []
    for mapping in bank._mappings[1:].numpy():
        # Where the picture's own corners lie in the view: the mapping the other way round.
        corners = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]]).T
        moved = np.linalg.inv(mapping) @ corners
        found.append((moved[:2] / moved[2]).T)
    inwards = np.abs(np.array(found) - [[0, 0], [1, 0], [1, 1], [0, 1]])
    assert inwards.min() >= 0 and inwards.max() <= 0.25 + 1e-9
    assert inwards.max() > 0.24 and inwards.mean() == pytest.approx(0.125, abs=0.01)


@pytest.mark.parametrize("fill", [0.0, 1.0])
def test_fill_lies_outside_the_picture(fill: float) -> None:
    grey = torch.full((1, 1, 64, 64), 0.5)
    seen = ViewBank.draw(9, seed=2, fill=fill, crop=1.0).apply(grey, range(1, 9), size=64)
    assert torch.isclose(seen, torch.tensor(0.5)).float().mean() > 0.5
    assert torch.isclose(seen, torch.tensor(fill)).float().mean() > 0.02
    inside = ViewBank.draw(9, seed=2, fill=fill, crop=1.0).apply(
        grey, range(1, 9), size=64, outside="edge"
    )
    torch.testing.assert_close(inside, torch.full_like(inside, 0.5))


def test_a_view_is_the_same_whatever_the_picture_size() -> None:
    bank = ViewBank.draw(2, seed=5)
    large = bank.apply(dots(224), [1], size=56, outside="edge")
    small = bank.apply(dots(56), [1], size=56, outside="edge")
    assert (large - small).abs().max() < 0.01


@pytest.mark.parametrize("view", [0, 1])
def test_shrinking_averages_instead_of_skipping_pixels(view: int) -> None:
    stripes = (torch.arange(224) % 2).float().expand(1, 1, 224, 224)
    seen = ViewBank.draw(2, seed=5, distortion=0.0).apply(stripes, [view], size=64)
    assert (seen[..., 4:-4, 4:-4] - 0.5).abs().max() < 0.2


def test_a_thin_line_keeps_its_ink_when_shrunk() -> None:
    picture = torch.ones(1, 1, 224, 224)
    picture[..., 100:103, 30:190] = 0
    share = float((1 - picture).mean())
    seen = ViewBank.draw(2, seed=5, distortion=0.0, crop=0.99).apply(picture, [0, 1], size=64)
    ink = (1 - seen).mean((2, 3, 4))[0]
    assert float(ink[0]) == pytest.approx(share, rel=0.01)
    assert float(ink[1]) == pytest.approx(share / 0.99, rel=0.03)


def test_gradients_flow_through_views() -> None:
    images = torch.rand(1, 1, 64, 64, requires_grad=True)
    ViewBank.draw(3, seed=5).apply(images, [0, 1, 2], size=32).sum().backward()
    assert images.grad is not None and (images.grad > 0).float().mean() > 0.9
