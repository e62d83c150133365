import torch

from sketch.drawing.optimising import BestStrokes, Stopper


def test_the_papers_rule_stops_at_the_second_tie() -> None:
    stopper = Stopper(settled=0.0, patience=2)
    assert [stopper.look(1.0) for _ in range(3)] == [False, False, True]


def test_a_tie_is_forgotten_when_the_loss_falls() -> None:
    stopper = Stopper(settled=0.0, patience=2)
    looks = [stopper.look(loss) for loss in (1.0, 1.0, 0.5, 0.5, 0.5)]
    assert looks == [False, False, False, False, True]


def test_a_loss_that_creeps_down_is_not_taken_for_tied() -> None:
    stopper = Stopper(settled=0.0, patience=2)
    assert not any(stopper.look(1 - 0.9e-5 * step) for step in (0, 1, 3, 4, 6))


def test_a_falling_loss_is_never_stopped() -> None:
    for settled in (0.0, 0.005):
        stopper = Stopper(settled=settled, patience=2)
        assert not any(stopper.look(0.9**step) for step in range(50))


def test_a_settled_loss_is_stopped_after_some_patience() -> None:
    stopper = Stopper(settled=0.01, patience=2)
    assert [stopper.look(loss) for loss in (1.0, 0.5, 0.4999, 0.4998)] == [
        False,
        False,
        False,
        True,
    ]


def test_the_best_of_each_sketch_is_kept_with_its_loss() -> None:
    points = torch.zeros(2, 1, 4, 2)
    best = BestStrokes(points)
    for step, losses in enumerate([(3.0, 1.0), (2.0, 5.0), (4.0, 0.5)]):
        best.offer(points + step, torch.tensor(losses), torch.tensor([0, 1]))
    assert best.losses.tolist() == [2.0, 0.5]
    assert best.points[:, 0, 0, 0].tolist() == [1, 2]


def test_a_sketch_that_has_settled_is_left_alone() -> None:
    points = torch.zeros(2, 1, 4, 2)
    best = BestStrokes(points)
    best.offer(points + 1, torch.tensor([0.5]), torch.tensor([1]))
    assert best.losses.tolist() == [float("inf"), 0.5]
