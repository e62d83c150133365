"""In which order frames are shown: from behind, or shuffled, with the padding where it was."""

import numpy as np
import pytest
import torch

from indexer.datasets.frames.order import in_order

MASK = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 0]]).bool()
FRAMES = torch.tensor([[1, 2, 3, 0], [4, 5, 6, 7], [8, 0, 0, 0]]).unsqueeze(-1)


def shown(order: str, seed: int = 1) -> list[list[int]]:
    return in_order(FRAMES, MASK, order, np.random.default_rng(seed)).squeeze(-1).tolist()


def test_frames_are_shown_from_the_first_or_from_the_last():
    assert shown("forward") == [[1, 2, 3, 0], [4, 5, 6, 7], [8, 0, 0, 0]]
    assert shown("reverse") == [[3, 2, 1, 0], [7, 6, 5, 4], [8, 0, 0, 0]]


def test_shuffled_frames_are_the_same_frames_and_each_clip_is_shuffled_by_itself():
    shuffled = [shown("random", seed) for seed in range(9)]
    for clips in shuffled:
        assert [sorted(clip) for clip in clips] == [[0, 1, 2, 3], [4, 5, 6, 7], [0, 0, 0, 8]]
        assert (clips[0][3], clips[2]) == (0, [8, 0, 0, 0])
    assert len({tuple(clips[1]) for clips in shuffled}) > 3
    assert shown("random") == shown("random")


@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 4, 3, 2, 2)])
def test_frames_of_any_kind_are_put_in_order(shape):
    frames = torch.randn(shape)
    found = in_order(frames, MASK, "reverse", np.random.default_rng(0))
    assert torch.equal(found[0, 0], frames[0, 2])
    assert torch.equal(found[1, 3], frames[1, 0])
