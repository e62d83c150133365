"""Position embeddings and maps fitted to other sizes, and towers that are not CLIP's."""

import pytest
import torch

from models.towers.blocks import OtherTower, check_tower, finish, fitted_positions, stretched
from tests.models.clips import random_tower


def positions() -> torch.Tensor:
    """One for the picture as a whole, then for each place its row and its column."""
    rows, columns = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="ij")
    return torch.cat([torch.tensor([[9.0, 8.0]]), torch.stack([rows, columns], 2).flatten(0, 1)])


def test_positions_of_the_towers_own_grid_stay_the_same_tensor():
    table = positions()
    assert fitted_positions(table, (4, 4)) is table
    assert fitted_positions(table, (4, 5)).shape == (21, 2)
    assert fitted_positions(table, (5, 4)).shape == (21, 2)


def test_fewer_places_are_means_of_those_that_they_cover():
    fitted = fitted_positions(positions(), (2, 3))
    expected = torch.tensor(
        [[9.0, 8.0]]
        + [[row, column] for row in (0.5868, 2.4132) for column in (0.1899, 1.5, 2.8101)]
    )
    torch.testing.assert_close(fitted, expected, atol=1e-4, rtol=0)


def test_more_places_lie_between_and_a_little_beyond():
    fitted = fitted_positions(positions(), (4, 8))
    columns = (-0.0882, 0.1679, 0.7099, 1.25, 1.75, 2.2901, 2.8321, 3.0882)
    expected = torch.tensor(
        [[9.0, 8.0]] + [[row, column] for row in range(4) for column in columns]
    )
    torch.testing.assert_close(fitted, expected, atol=1e-4, rtol=0)


def test_each_map_is_stretched_by_itself_and_a_flat_one_is_zero():
    maps = torch.tensor([[[2.0, 4.0], [3.0, 6.0]], [[-1.0, 0.0], [0.0, 0.0]], [[7.0] * 2] * 2])
    expected = [[[0.0, 0.5], [0.25, 1.0]], [[0.0, 1.0], [1.0, 1.0]], [[0.0] * 2] * 2]
    assert stretched(maps).tolist() == expected


def test_a_tower_without_projection_ends_with_its_own_width():
    tower, hidden = random_tower(), torch.randn(2, 5, 64)
    projected = finish(tower, hidden)
    matrix = tower.proj.detach()
    tower.proj = None
    torch.testing.assert_close(projected, finish(tower, hidden) @ matrix)


@pytest.mark.parametrize("how", ["tokens first", "one other block"])
def test_a_vit_with_other_blocks_is_refused(how):
    tower = random_tower()
    check_tower(tower, "Shift")
    if how == "tokens first":
        tower.transformer.batch_first = False
    else:
        tower.transformer.resblocks.append(torch.nn.Identity())
    with pytest.raises(OtherTower, match="Shift needs a model whose picture tower is CLIP's ViT"):
        check_tower(tower, "Shift")
