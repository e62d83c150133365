import pytest
import torch

from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.things import things_by_name
from smallworld.training.pose import PoseReader, pose_loss, pose_targets

CAT = Placement("cat", x=0.25, y=0.75, size=0.4, angle_deg=90)
DOG = Placement("dog", x=0.75, y=0.5, size=0.3)


def picture(*placements: Placement) -> Picture:
    return Picture("grass", 1, placements)


def test_a_pose_is_place_size_and_angle() -> None:
    poses, counts = pose_targets([picture(CAT)])
    assert poses[0].tolist() == pytest.approx([-1, 1, 0, 1, 0, 0, 0], abs=1e-6)
    assert counts[0].tolist() == [1, 1, 1, 1, 1, 0, 0]


def test_the_angle_of_a_round_thing_does_not_count() -> None:
    _, counts = pose_targets([picture(Placement("football", 0.5, 0.5, 0.4, 90))])
    assert counts[0].tolist() == [1, 1, 1, 0, 0, 0, 0]


def test_of_two_things_only_their_distance_counts() -> None:
    poses, counts = pose_targets([picture(CAT, DOG)])
    assert poses[0].tolist() == pytest.approx([0, 0, 0, 0, 0, 2, 1])
    assert counts[0].tolist() == [0, 0, 0, 0, 0, 1, 1]


def test_nothing_counts_where_there_are_three_things() -> None:
    _, counts = pose_targets([picture(CAT, CAT, DOG)])
    assert not counts.any()


def test_the_loss_is_a_mean_over_what_counts() -> None:
    told = torch.tensor([[1.0, 5.0], [7.0, 7.0]])
    counts = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert float(pose_loss(told, torch.zeros(2, 2), counts)) == 1.0
    assert float(pose_loss(told, torch.zeros(2, 2), torch.zeros(2, 2))) == 0.0


def test_a_reader_learns_the_angle_of_each_thing_and_the_turn_between_two_pictures() -> None:
    torch.manual_seed(0)
    reader = PoseReader(8, [things_by_name()["cat"], things_by_name()["dog"]])
    # For the dog, the numbers that tell the angle are another pair than for the cat.
    pictures, rows = [], []
    for angle_deg in (0, 90, 200, 300):
        for thing, first in (("cat", 0), ("dog", 4)):
            radians = torch.deg2rad(torch.tensor(float(angle_deg)))
            row = torch.ones(8) * 0.1
            row[first : first + 2] = torch.stack([radians.sin(), radians.cos()])
            pictures.append(picture(Placement(thing, 0.5, 0.5, 0.4, angle_deg)))
            rows.append(row)
    embeddings = torch.stack(rows)
    optimiser = torch.optim.Adam(reader.parameters(), 0.05)
    first_loss = float(reader(embeddings, pictures).detach())
    for _ in range(150):
        optimiser.zero_grad()
        loss = reader(embeddings, pictures)
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < first_loss / 4


def test_the_length_of_an_embedding_tells_a_reader_nothing() -> None:
    reader = PoseReader(8, [things_by_name()["cat"]])
    embedding = torch.randn(1, 8)
    assert float(reader(embedding, [picture(CAT)])) == pytest.approx(
        float(reader(embedding * 7, [picture(CAT)]))
    )
