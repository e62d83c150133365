"""Mean pooling as CLIP4Clip defines it."""

import pytest
import torch

from models.clip4clip import mean_pool

FRAMES = torch.tensor([[[3.0, 0.0], [0.0, 0.5], [1.0, 1.0]]])


def test_frames_are_scaled_before_and_after_the_mean():
    pooled = mean_pool(FRAMES[:, :2], torch.ones(1, 2))
    torch.testing.assert_close(pooled, torch.tensor([[0.5**0.5, 0.5**0.5]]))


def test_a_weight_counts_like_repeated_frames():
    repeated = FRAMES[:, [0, 0, 0, 1]]
    torch.testing.assert_close(
        mean_pool(FRAMES[:, :2], torch.tensor([[3.0, 1.0]])), mean_pool(repeated, torch.ones(1, 4))
    )


def test_padding_may_hold_anything():
    padded = torch.cat([FRAMES, torch.full((1, 2, 2), float("nan"))], dim=1)
    weights = torch.tensor([[1.0, 1.0, 1.0, 0.0, 0.0]])
    torch.testing.assert_close(mean_pool(padded, weights), mean_pool(FRAMES, weights[:, :3]))


def test_one_frame_is_its_own_mean():
    torch.testing.assert_close(
        mean_pool(FRAMES[:, :1], torch.ones(1, 1)), torch.tensor([[1.0, 0.0]])
    )


def test_a_video_without_frames_is_an_error():
    with pytest.raises(ValueError, match="without frames"):
        mean_pool(FRAMES, torch.zeros(1, 3))
