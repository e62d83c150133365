from collections import Counter

import numpy as np
import pytest

from smallworld.clips.action_clips import (
    SOLO_MOTIONS,
    TwoActionSampler,
    double_actions,
    single_actions,
    without_action,
)
from smallworld.clips.motions import MOTIONS
from smallworld.clips.moving import Clip, is_held_out_motion
from smallworld.stills.sprites import shipped_things

THINGS = shipped_things()


@pytest.fixture(scope="module")
def doubles() -> list[Clip]:
    return double_actions(THINGS, seed=4, count=120)


def test_every_action_is_as_frequent_as_the_others() -> None:
    clips = single_actions(THINGS, seed=4, count=54)
    assert Counter(clip.event for clip in clips) == dict.fromkeys(MOTIONS, 3)
    assert all(clip.actions == {clip.event} for clip in clips)


def test_held_out_clips_show_only_what_training_never_shows() -> None:
    for clip in double_actions(THINGS, seed=4, count=40, held_out=True):
        for placement, motions in zip(clip.picture.placements, clip.motions, strict=True):
            assert any(
                is_held_out_motion(placement.thing, event, clip.picture.scene) for event in motions
            )


def test_training_clips_of_two_show_nothing_that_is_held_out(doubles: list[Clip]) -> None:
    for clip in doubles:
        first, second = (placement.thing for placement in clip.picture.placements)
        assert clip.second is not None
        assert not is_held_out_motion(first, clip.course.motion, clip.picture.scene)
        assert not is_held_out_motion(second, clip.second.motion, clip.picture.scene)


def test_two_things_do_two_things_of_their_own(doubles: list[Clip]) -> None:
    for clip in doubles:
        first, second = clip.picture.placements
        assert first.thing != second.thing
        assert len(clip.actions) == 2
        assert clip.actions <= set(SOLO_MOTIONS)
        assert {"still"} not in clip.motions


def test_actions_that_look_alike_never_come_together(doubles: list[Clip]) -> None:
    alike = [{"fall", "down"}, {"roll", "left"}, {"bounce", "jump"}, {"left", "right"}]
    assert not any(pair <= clip.actions for clip in doubles for pair in alike)


def test_each_of_two_things_follows_its_own_course() -> None:
    sampler = TwoActionSampler(THINGS, np.random.default_rng(0))
    while (clip := sampler.two()).actions != {"left", "grow"}:
        pass
    start, end = (clip.picture_at(share * clip.duration_s).placements for share in (0, 1))
    (mover, grower) = (0, 1) if clip.course.motion == "left" else (1, 0)
    assert end[mover].x < start[mover].x - 0.4
    assert end[mover].size == start[mover].size
    assert end[grower].size > 2 * start[grower].size
    assert (end[grower].x, end[grower].y) == (start[grower].x, start[grower].y)


def test_two_things_start_apart(doubles: list[Clip]) -> None:
    distances = [
        np.hypot(first.x - second.x, first.y - second.y)
        for first, second in (clip.picture.placements for clip in doubles)
    ]
    assert min(distances) > 0.12


def test_backwards_both_actions_turn_round() -> None:
    sampler = TwoActionSampler(THINGS, np.random.default_rng(0))
    while (clip := sampler.two()).actions != {"up", "shrink"}:
        pass
    assert clip.backward().actions == {"down", "grow"}


def test_nothing_happens_in_clips_without_action() -> None:
    clips = without_action(THINGS, seed=4, count=20, held_out=True)
    assert all(clip.actions == frozenset() for clip in clips)
    assert len({len(clip.picture.placements) for clip in clips}) > 1


def test_a_seed_gives_the_same_clips(doubles: list[Clip]) -> None:
    assert double_actions(THINGS, seed=4, count=3) == doubles[:3]
    assert double_actions(THINGS, seed=5, count=3) != doubles[:3]
