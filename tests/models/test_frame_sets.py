"""Frames with their mask: what is refused, pooled, scaled and put side by side."""

import numpy as np
import pytest
import torch

from models import frame_sets
from models.frame_sets import (
    EmptyVideo,
    Standardisation,
    at_least_float32,
    check_mask,
    mean_direction,
    padded,
    unit_mean,
    without_padding,
)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([3], "the video in row 3 has no valid frame"),
        ([0, 2], "the videos in rows 0, 2 have no valid frame"),
        (list(range(8)), "the videos in rows 0, 1, 2, 3, 4, 5, 6, 7 have no valid frame"),
        (list(range(9)), "the videos in rows 0, 1, 2, 3, 4, 5, 6, 7, … have no valid frame"),
    ],
)
def test_empty_videos_are_named_up_to_eight(rows, sentence):
    mask = torch.ones(9, 2, dtype=torch.bool)
    mask[rows] = False
    with pytest.raises(EmptyVideo) as told:
        check_mask(torch.zeros(9, 2, 4), mask)
    assert told.value.rows == rows
    assert str(told.value) == f"{sentence}: leave videos out that could not be decoded"


@pytest.mark.parametrize(
    "mask",
    [torch.ones(2, 3), torch.ones(2, 2, dtype=torch.bool), torch.ones(3, dtype=torch.bool)],
    ids=["numbers", "too few frames", "one axis"],
)
def test_a_mask_that_does_not_fit_is_refused(mask):
    with pytest.raises(ValueError, match=r"need a boolean mask of shape \(2, 3\), not torch"):
        check_mask(torch.zeros(2, 3, 4), mask)


def test_padding_becomes_zeros_and_half_precision_is_widened():
    frames = torch.tensor([[[1.0, 2.0], [torch.nan, torch.inf]]], dtype=torch.float16)
    found = without_padding(frames, torch.tensor([[True, False]]))
    assert found.tolist() == [[[1.0, 2.0], [0.0, 0.0]]]
    assert found.dtype == torch.float32
    assert at_least_float32(torch.zeros(1, dtype=torch.bfloat16)).dtype == torch.float32
    assert at_least_float32(torch.zeros(1, dtype=torch.float64)).dtype == torch.float64


FRAMES = torch.tensor([[[3.0, 0.0], [0.0, 1.0], [9.0, 9.0]], [[0.0, 0.0], [0.0, 2.0], [9.0, 9.0]]])
MASK = torch.tensor([[True, True, False], [True, True, False]])


def test_a_mean_of_unit_frames_and_one_of_frames_as_they_are():
    half = 0.5**0.5
    torch.testing.assert_close(unit_mean(FRAMES, MASK), torch.tensor([[half, half], [0.0, 1.0]]))
    expected = torch.tensor([[3 / 10**0.5, 1 / 10**0.5], [0.0, 1.0]])
    for size in (1.0, 0.01):
        torch.testing.assert_close(mean_direction(size * FRAMES, MASK), expected)


@pytest.mark.parametrize("pool", [unit_mean, mean_direction])
def test_frames_of_zeros_have_no_direction_and_finite_gradients(pool):
    frames = torch.zeros(1, 2, 3, requires_grad=True)
    found = pool(frames, torch.ones(1, 2, dtype=torch.bool))
    assert found.tolist() == [[0.0, 0.0, 0.0]]
    found.sum().backward()
    assert frames.grad.isfinite().all()


def test_a_new_standardisation_changes_nothing():
    torch.testing.assert_close(Standardisation(2)(FRAMES), FRAMES)
    assert float(Standardisation(2).scale) == 1.0


def test_rows_are_brought_to_mean_0_and_deviation_1():
    scaling = Standardisation(2)
    scaling.fit(torch.tensor([[1.0, 10.0], [3.0, 10.0], [1.0, 30.0], [3.0, 30.0]]))
    assert scaling.mean.tolist() == [2.0, 20.0]
    assert scaling.deviation.tolist() == [1.0, 10.0]
    assert float(scaling.scale) == 5.5
    assert scaling(torch.tensor([4.0, 5.0])).tolist() == [2.0, -1.5]


def test_a_channel_that_hardly_varies_counts_a_hundredth_of_the_mean_deviation():
    scaling = Standardisation(2)
    scaling.fit(torch.tensor([[5.0, 0.0], [5.0, 4.0]]))
    assert float(scaling.scale) == 1.0
    torch.testing.assert_close(scaling.deviation, torch.tensor([0.01, 2.0]))


def test_padding_does_not_count_for_the_scale():
    scaling = Standardisation(2)
    scaling.fit(FRAMES, MASK)
    assert scaling.mean.tolist() == [0.75, 0.75]
    with pytest.raises(ValueError, match="all alike have no scale: give several clips"):
        scaling.fit(FRAMES[:, 2:], torch.ones(2, 1, dtype=torch.bool))


@pytest.mark.parametrize(("count", "step"), [(10, 1), (11, 2), (20, 2), (21, 3)])
def test_of_many_rows_evenly_spaced_ones_are_enough(monkeypatch, count, step):
    monkeypatch.setattr(frame_sets, "_ROWS_TO_FIT", 10)
    rows = torch.arange(float(count)).unsqueeze(1)
    expected = float(rows[::step].mean())
    scaling = Standardisation(1)
    scaling.fit(rows)
    assert float(scaling.mean) == expected
    scaling.fit(
        torch.cat([rows, -rows], 1).unsqueeze(2), torch.tensor([[True, False]]).expand(count, -1)
    )
    assert float(scaling.mean) == expected


def test_sequences_stand_side_by_side():
    one, other = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array([[7.0, 8.0, 9.0]])
    frames, mask = padded([one, other])
    assert frames.tolist() == [
        [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
        [[7.0, 8.0, 9.0], [0.0, 0.0, 0.0]],
    ]
    assert frames.dtype == torch.float32
    assert mask.tolist() == [[True, True], [True, False]]
