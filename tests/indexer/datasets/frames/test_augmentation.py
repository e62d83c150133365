"""Clips changed for training: all frames alike, and the same whenever the chance is the same."""

import numpy as np
import pytest
import torch

from indexer.datasets.frames.augmentation import Augmentation, speak_of_sides


def still(frames: int = 4, side: int = 40) -> torch.Tensor:
    """A clip that shows one random picture; shape: (frames, 3, side, side)."""
    generator = torch.Generator().manual_seed(5)
    picture = torch.randint(0, 256, (1, 3, side, side), dtype=torch.uint8, generator=generator)
    return picture.expand(frames, -1, -1, -1).contiguous()


def changed(clip: torch.Tensor, seed: int, *, flip: bool = True) -> torch.Tensor:
    return Augmentation((32, 32), flip=flip)(clip, np.random.default_rng(seed))


def test_all_frames_of_a_clip_are_changed_alike():
    for seed in range(20):
        frames = changed(still(), seed)
        assert (frames.shape, frames.dtype) == ((4, 3, 32, 32), torch.uint8)
        assert (frames == frames[:1]).all()


def test_the_same_chance_gives_the_same_clip_and_another_another():
    clips = [changed(still(), seed) for seed in range(20)]
    assert (changed(still(), 3) == clips[3]).all()
    assert len({clip.numpy().tobytes() for clip in clips}) == 20


def test_a_frame_is_changed_by_its_own_pixels_only():
    clip = still()
    clip[2] = 255 - clip[2]
    assert (changed(clip, 3)[[0, 1, 3]] == changed(still(), 3)[[0, 1, 3]]).all()


def test_some_clips_are_grey_and_most_are_not():
    grey = 0
    for seed in range(200):
        red, green, blue = changed(still(1), seed)[0]
        grey += bool((red == green).all() and (green == blue).all())
    assert 20 <= grey <= 60  # one in five


def test_only_a_flip_changes_sides():
    # Bright on the left: crops and colours keep it so.
    clip = still()
    clip[:] = torch.where(torch.arange(40) < 20, 200, 50).to(torch.uint8)
    brighter_left = [
        bool(frames[..., :8].float().mean() > frames[..., -8:].float().mean())
        for frames in (changed(clip, seed) for seed in range(60))
    ]
    assert 15 <= brighter_left.count(False) <= 45
    for seed in range(60):
        frames = changed(clip, seed, flip=False).float()
        assert frames[..., :8].mean() > frames[..., -8:].mean()


@pytest.mark.parametrize(
    "label",
    [
        "Pushing something from left to right",
        "TurnRight",
        "moving_left",
        "Swiping Left",
        "turning counterclockwise",
    ],
)
def test_labels_of_sides_are_known(label):
    assert speak_of_sides(["walking", label])


def test_other_labels_do_not_speak_of_sides():
    assert not speak_of_sides(["bright lights", "a cleft", "copyrighting", "Fencing", "leftover"])


def test_brightness_changes_by_two_fifths_at_most():
    clip = torch.full((1, 3, 40, 40), 90, dtype=torch.uint8)
    levels = [changed(clip, seed).float() for seed in range(200)]
    means = torch.tensor([frames.mean() for frames in levels])
    assert 0.6 * 90 - 1 <= means.min() < 0.7 * 90
    assert 1.3 * 90 < means.max() <= 1.4 * 90 + 1
    assert max(frames.max() - frames.min() for frames in levels) <= 1  # one grey stays one grey


def test_colours_stay_near_what_they_were():
    clip = torch.tensor([180, 60, 60], dtype=torch.uint8)[None, :, None, None].repeat(1, 1, 40, 40)
    tints = [changed(clip, seed).float().mean((0, 2, 3)).tolist() for seed in range(200)]
    assert all(red >= max(green, blue) for red, green, blue in tints)
    # A tenth of the circle of hues is a little more than half of the way to yellow or to violet.
    turned = [abs(green - blue) / max(1, red - min(green, blue)) for red, green, blue in tints]
    assert 0.5 < max(turned) < 0.65
