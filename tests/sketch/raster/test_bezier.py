import numpy as np
import torch

from sketch.raster.bezier import bernstein, chord_parameters, fit_cubic, lengths, sample, split

ARC = torch.tensor([[10.0, 10.0], [10.0, 60.0], [80.0, 60.0], [80.0, 10.0]])


def test_the_polynomials_sum_to_one() -> None:
    told = bernstein(torch.linspace(0, 1, 11))
    assert torch.allclose(told.sum(dim=-1), torch.ones(11))
    assert told[0].tolist() == [1, 0, 0, 0]
    assert told[-1].tolist() == [0, 0, 0, 1]


def test_a_curve_begins_and_ends_at_its_outer_points() -> None:
    corners = sample(ARC, 5)
    assert corners[0].tolist() == [10, 10]
    assert corners[2].tolist() == [45, 47.5]
    assert corners[-1].tolist() == [80, 10]


def test_a_straight_curve_is_as_long_as_its_chord() -> None:
    line = torch.stack([torch.tensor([3.0 * i, 4.0 * i]) for i in range(4)])
    assert abs(float(lengths(line)) - 15) < 1e-4


def test_both_halves_of_a_split_curve_lie_on_it() -> None:
    first, second = split(ARC, 0.4)
    assert torch.allclose(sample(first, 11), bernstein(torch.linspace(0, 0.4, 11)) @ ARC, atol=1e-4)
    assert torch.allclose(
        sample(second, 11), bernstein(torch.linspace(0.4, 1, 11)) @ ARC, atol=1e-4
    )


def test_a_fitted_curve_lies_on_what_it_was_fitted_to() -> None:
    corners = sample(ARC, 60).numpy()
    fitted = sample(torch.from_numpy(fit_cubic(corners)), 200).numpy()
    farthest = max(np.linalg.norm(fitted - corner, axis=1).min() for corner in corners)
    assert farthest < 0.8


def test_too_few_corners_give_a_straight_curve() -> None:
    fitted = fit_cubic(np.array([[0.0, 0.0], [9.0, 3.0]]))
    assert np.allclose(fitted, [[0, 0], [3, 1], [6, 2], [9, 3]], atol=1e-5)


def test_corners_on_one_spot_are_spread_evenly() -> None:
    assert chord_parameters(np.zeros((3, 2))).tolist() == [0, 0.5, 1]
