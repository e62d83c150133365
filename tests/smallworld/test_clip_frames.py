import hashlib

import numpy as np
import pytest
import torch

from smallworld.clip_claims import truth_tables
from smallworld.clip_frames import (
    ClipBatch,
    ClipMaker,
    even_times_s,
    frame_times_s,
    reversed_frames,
)
from smallworld.motions import Course
from smallworld.moving import Clip, resting
from smallworld.pictures import Picture, Placement
from smallworld.sprites import SpriteAtlas, shipped_things

CAT = Picture("grass", 5, (Placement("cat", 0.5, 0.5, 0.4),))


@pytest.fixture(scope="module")
def maker(atlas: SpriteAtlas) -> ClipMaker:
    return ClipMaker(shipped_things(), atlas, seed=3, scene_variants=1)


def digest(batch: ClipBatch) -> str:
    told = "|".join(caption.text for caption in batch.captions).encode()
    return hashlib.sha256(batch.frames.numpy().tobytes() + told).hexdigest()


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


def test_even_times_are_the_same_from_either_end() -> None:
    assert even_times_s(4.0, 4).tolist() == [0.5, 1.5, 2.5, 3.5]


def test_a_batch_is_fixed_by_seed_and_step(maker: ClipMaker) -> None:
    first = digest(maker.training_batch(5, size=8))
    assert first == digest(maker.training_batch(5, size=8))
    assert first != digest(maker.training_batch(6, size=8))


def test_a_batch_holds_frames_and_says_which_are_real(maker: ClipMaker) -> None:
    batch = maker.training_batch(0, size=16)
    longest = int(batch.mask.sum(dim=1).max())
    assert batch.frames.shape == (16, longest, 3, 64, 64)
    assert batch.frames.dtype == torch.uint8
    assert batch.mask.sum(dim=1).tolist() == [
        len(frame_times_s(clip.duration_s)) for clip in batch.clips
    ]
    assert int(batch.frames[~batch.mask].sum()) == 0
    assert bool(batch.frames[batch.mask].flatten(1).any(dim=1).all())


def test_so_many_frames_as_are_asked_for(maker: ClipMaker) -> None:
    batch = maker.training_batch(0, size=4, frame_count=24)
    assert batch.frames.shape[:2] == (4, 24)
    assert bool(batch.mask.all())


def test_three_quarters_of_a_batch_are_variants(maker: ClipMaker) -> None:
    clips = maker.training_batch(1, size=16).clips
    for start in (0, 4, 8):
        seeds = {clip.picture.scene_seed for clip in clips[start : start + 4]}
        assert len(seeds) == 1
    assert len({clip.picture.scene_seed for clip in clips[12:]}) == 4


def test_every_caption_matches_its_own_clip(maker: ClipMaker) -> None:
    batch = maker.training_batch(2, size=32)
    assert bool(batch.matches.diagonal().all())
    assert not bool((batch.matches & batch.arguable).any())


def test_the_frames_of_a_still_clip_differ_by_noise_only(maker: ClipMaker) -> None:
    clips = [resting(CAT, duration_s=2.0)] * 12
    frames, _ = maker.frames(clips, [even_times_s(2.0, 8)] * 12, rng=np.random.default_rng(0))
    values = frames.float()
    within = (values[:, 1:] - values[:, :1]).mean(dim=(2, 3, 4)).abs().max()
    between = values.mean(dim=(1, 2, 3, 4))
    assert float(within) < 1
    assert float(between.max() - between.min()) > 10
    silent = (values[:, 1:] == values[:, :1]).flatten(1).all(dim=1)
    assert 0 < int(silent.sum()) < 12


def test_the_camera_moves_the_scene_and_not_the_thing(maker: ClipMaker) -> None:
    empty = resting(Picture("street", 5, ()), duration_s=2.0, pan=0.09)
    drawn = maker._background(empty, np.array([0.0, 2.0]))
    shift = round(0.18 * 64)
    moved_by = [
        float((drawn[1, :, :, : 64 - shift] - drawn[0, :, :, shift:]).abs().mean()),
        float((drawn[0, :, :, : 64 - shift] - drawn[1, :, :, shift:]).abs().mean()),
    ]
    assert min(moved_by) < 0.03
    assert float((drawn[0] - drawn[1]).abs().mean()) > 0.05


def test_variants_have_the_same_background(maker: ClipMaker) -> None:
    first = resting(CAT, duration_s=2.0)
    second = Clip(CAT, Course("left", "slow", 0, 2, 0.5), 2.0)
    start = np.array([0.0])
    assert torch.equal(maker._background(first, start), maker._background(second, start))


def test_reversed_frames_are_what_the_clip_shows_backwards(maker: ClipMaker) -> None:
    clip = Clip(CAT, Course("left", "slow", 0.0, 2.0, 0.5), 2.0, pan=0.02)
    times_s = [even_times_s(2.0, 8), even_times_s(2.0, 6)]
    forwards, mask = maker.frames([clip, clip], times_s, rng=np.random.default_rng(1))
    turned = reversed_frames(forwards, mask)
    assert torch.equal(turned[0], forwards[0].flip(0))
    assert torch.equal(turned[1, :6], forwards[1, :6].flip(0))
    assert int(turned[1, 6:].sum()) == 0
    backward = [clip.backward(), clip.backward()]
    again, _ = maker.frames(backward, times_s, rng=np.random.default_rng(1))
    assert float((again[0].float() - turned[0].float()).abs().mean()) < 6


def test_a_fast_fade_leaves_the_scene_alone(maker: ClipMaker) -> None:
    vanishing = Clip(CAT, Course("vanish", "fast", 0.9, 0.2, 0.0), 2.0)
    frames, _ = maker.frames([vanishing], [np.array([0.0, 2.0])], rng=np.random.default_rng(4))
    difference = (frames[0, 0].float() - frames[0, 1].float()).mean(dim=2).abs()
    assert float(difference[:, 22:42].mean()) > 4
    assert float(difference[:, :8].mean()) < 2


def test_slow_and_fast_variants_of_one_motion_are_told_apart(maker: ClipMaker) -> None:
    rng = np.random.default_rng(7)
    clips, captions = maker.training_clips(rng, size=400)
    untold = 0
    for start in range(0, 300, 4):
        group = range(start, start + 4)
        true, _ = truth_tables([captions[i].claim for i in group], [clips[i] for i in group])
        for row, column in np.argwhere(true):
            untold += clips[start + row].speed != clips[start + column].speed
    assert untold == 0
