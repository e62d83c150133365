import numpy as np
import pytest
import torch

from smallworld.clips.motions import Course
from smallworld.clips.moving import Clip, resting
from smallworld.clips.sampler import ClipSampler
from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.sprites import SpriteAtlas, shipped_things
from smallworld.training.clip_frames import ClipPainter, frame_times_s

CAT = Picture("grass", 5, (Placement("cat", 0.5, 0.5, 0.4),))


@pytest.fixture(scope="module")
def painter(atlas: SpriteAtlas) -> ClipPainter:
    return ClipPainter(atlas, seed=3, scene_variants=1)


@pytest.mark.parametrize(
    ("duration_s", "times_s"),
    [
        (2.0, (0.0, 0.25, 0.5, 0.75, 1.125, 1.375, 1.625, 1.875)),
        (2.2, (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)),
        (5.0, tuple(number / 2 for number in range(10))),
        (6.0, tuple(number / 2 for number in range(12))),
    ],
)
def test_frames_are_taken_as_a_library_takes_them(
    duration_s: float, times_s: tuple[float, ...]
) -> None:
    assert frame_times_s(duration_s).tolist() == pytest.approx(times_s)


def evenly(duration_s: float, count: int) -> np.ndarray:
    """Times that are the same from either end."""
    return (np.arange(count) + 0.5) * (duration_s / count)


def test_the_same_generator_draws_the_same_frames(painter: ClipPainter) -> None:
    clip = Clip(CAT, Course("left", "slow", 0.0, 2.0, 0.5), 2.0, pan=0.02)
    first, again, other = (
        painter.frames([clip], [evenly(2.0, 4)], rng=np.random.default_rng(seed))[0]
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_frames_come_with_a_mask_of_those_that_are_real(painter: ClipPainter) -> None:
    clips = ClipSampler(shipped_things(), np.random.default_rng(3)).variants(6)
    times_s = [frame_times_s(clip.duration_s) for clip in clips]
    frames, mask = painter.frames(clips, times_s, rng=np.random.default_rng(0))
    longest = max(len(times) for times in times_s)
    assert frames.shape == (6, longest, 3, 64, 64)
    assert frames.dtype == torch.uint8
    assert mask.sum(dim=1).tolist() == [len(times) for times in times_s]
    assert int(frames[~mask].sum()) == 0
    assert bool(frames[mask].flatten(1).any(dim=1).all())


def test_the_frames_of_a_still_clip_differ_by_noise_only(painter: ClipPainter) -> None:
    clips = [resting(CAT, duration_s=2.0)] * 12
    frames, _ = painter.frames(clips, [evenly(2.0, 8)] * 12, rng=np.random.default_rng(0))
    values = frames.float()
    within = (values[:, 1:] - values[:, :1]).mean(dim=(2, 3, 4)).abs().max()
    between = values.mean(dim=(1, 2, 3, 4))
    assert float(within) < 1
    assert float(between.max() - between.min()) > 10
    silent = (values[:, 1:] == values[:, :1]).flatten(1).all(dim=1)
    assert 0 < int(silent.sum()) < 12


def test_the_camera_moves_the_scene_and_not_the_thing(painter: ClipPainter) -> None:
    empty = resting(Picture("street", 5, ()), duration_s=2.0, pan=0.09)
    drawn = painter._background(empty, np.array([0.0, 2.0]))
    shift = round(0.18 * 64)
    moved_by = [
        float((drawn[1, :, :, : 64 - shift] - drawn[0, :, :, shift:]).abs().mean()),
        float((drawn[0, :, :, : 64 - shift] - drawn[1, :, :, shift:]).abs().mean()),
    ]
    assert min(moved_by) < 0.03
    assert float((drawn[0] - drawn[1]).abs().mean()) > 0.05


def test_variants_have_the_same_background(painter: ClipPainter) -> None:
    first = resting(CAT, duration_s=2.0)
    second = Clip(CAT, Course("left", "slow", 0, 2, 0.5), 2.0)
    start = np.array([0.0])
    assert torch.equal(painter._background(first, start), painter._background(second, start))


def test_a_clip_backwards_shows_its_frames_in_the_other_order(painter: ClipPainter) -> None:
    clip = Clip(CAT, Course("left", "slow", 0.0, 2.0, 0.5), 2.0, pan=0.02)
    times_s = [evenly(2.0, 8), evenly(2.0, 6)]
    forwards, _ = painter.frames([clip, clip], times_s, rng=np.random.default_rng(1))
    turned = [clip.backward(), clip.backward()]
    backwards, _ = painter.frames(turned, times_s, rng=np.random.default_rng(1))
    difference = backwards[0].float() - forwards[0].flip(0).float()
    assert float(difference.abs().mean()) < 6


def test_a_fast_fade_leaves_the_scene_alone(painter: ClipPainter) -> None:
    vanishing = Clip(CAT, Course("vanish", "fast", 0.9, 0.2, 0.0), 2.0)
    frames, _ = painter.frames([vanishing], [np.array([0.0, 2.0])], rng=np.random.default_rng(4))
    difference = (frames[0, 0].float() - frames[0, 1].float()).mean(dim=2).abs()
    assert float(difference[:, 22:42].mean()) > 4
    assert float(difference[:, :8].mean()) < 2
