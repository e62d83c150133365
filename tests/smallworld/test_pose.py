import pytest
import torch

from smallworld.pictures import Picture, Placement
from smallworld.pose import pose_loss, pose_targets

CAT = Placement("cat", x=0.25, y=0.75, size=0.4, angle_deg=90)


def test_a_pose_is_place_size_and_angle() -> None:
    poses, counts = pose_targets([Picture("grass", 1, (CAT,))])
    assert poses[0].tolist() == pytest.approx([-1, 1, 0, 1, 0], abs=1e-6)
    assert counts[0].tolist() == [1, 1, 1, 1, 1]


def test_the_angle_of_a_round_thing_does_not_count() -> None:
    ball = Placement("football", 0.5, 0.5, 0.4, 90)
    _, counts = pose_targets([Picture("grass", 1, (ball,))])
    assert counts[0].tolist() == [1, 1, 1, 0, 0]


def test_nothing_counts_where_there_are_several_things() -> None:
    _, counts = pose_targets([Picture("grass", 1, (CAT, CAT))])
    assert counts[0].tolist() == [0, 0, 0, 0, 0]


def test_the_loss_is_a_mean_over_what_counts() -> None:
    told = torch.tensor([[1.0, 5.0], [7.0, 7.0]])
    counts = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert float(pose_loss(told, torch.zeros(2, 2), counts)) == 1.0
    assert float(pose_loss(told, torch.zeros(2, 2), torch.zeros(2, 2))) == 0.0
