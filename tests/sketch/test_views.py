import numpy as np
import torch

from sketch.views import CLEAN, ViewBank


def test_the_first_view_is_the_picture_itself() -> None:
    images = torch.rand(2, 3, 32, 32)
    bank = ViewBank.draw(3, seed=0)
    assert torch.allclose(bank.apply(images, [CLEAN], size=32)[:, 0], images, atol=1e-6)


def test_one_seed_draws_one_bank() -> None:
    first, second, other = (ViewBank.draw(4, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.transforms, second.transforms)
    assert not np.array_equal(first.transforms, other.transforms)


def test_a_view_is_the_same_for_picture_sketch_and_mask() -> None:
    bank = ViewBank.draw(4, seed=0)
    image = torch.rand(1, 1, 48, 48)
    alone = bank.apply(image, [3], size=32)
    beside = bank.apply(torch.cat([torch.rand(1, 1, 48, 48), image]), [1, 3], size=32)
    assert torch.equal(beside[1, 1], alone[0, 0])


def test_beyond_the_picture_is_the_fill() -> None:
    white = torch.ones(1, 1, 40, 40)
    for view in range(1, 9):
        seen = ViewBank.draw(9, seed=4).apply(white, [view], size=40)
        assert torch.allclose(seen, white[:, None], atol=1e-5)
        black = ViewBank.draw(9, seed=4, fill=0.0).apply(white, [view], size=40)
        assert float(black.min()) < 0.01


def test_corners_move_inward_by_a_quarter_at_most() -> None:
    """So the middle of a view is never beyond the picture."""
    picture = torch.zeros(1, 1, 64, 64)
    for view in range(1, 30):
        seen = ViewBank.draw(30, seed=0).apply(picture, [view], size=64)[0, 0, 0]
        assert float(seen[26:38, 26:38].max()) < 1e-6


def test_a_smaller_view_averages() -> None:
    chequers = (torch.arange(64)[:, None] + torch.arange(64)).remainder(2).float()[None, None]
    for view in (0, 1):
        seen = ViewBank.draw(2, seed=0).apply(chequers, [view], size=16)
        inner = seen[0, 0, 0, 6:10, 6:10]
        assert float((inner - 0.5).abs().max()) < 0.2


def test_gradients_go_through() -> None:
    images = torch.rand(1, 1, 32, 32, requires_grad=True)
    ViewBank.draw(2, seed=0).apply(images, [1], size=16).sum().backward()
    assert images.grad is not None
    assert float(images.grad.abs().sum()) > 0
