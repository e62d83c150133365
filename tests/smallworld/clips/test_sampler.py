from itertools import pairwise

import numpy as np
import pytest

from smallworld.clips.motions import CYCLIC_MOTIONS, MOTIONS, PAIR_MOTIONS, actor_count
from smallworld.clips.moving import Clip, is_held_out_motion
from smallworld.clips.sampler import ClipSampler
from smallworld.stills.pictures import Placement
from smallworld.stills.things import load_things, things_by_name
from smallworld.training.clip_frames import frame_times_s


def sampler(seed: int = 1) -> ClipSampler:
    return ClipSampler(load_things(), np.random.default_rng(seed))


def acting(clip: Clip) -> tuple[Placement, ...]:
    return clip.picture.placements[: actor_count(clip.course.motion)]


def combinations(clip: Clip) -> set[tuple[str, str, str]]:
    return {(p.thing, clip.event, clip.picture.scene) for p in acting(clip)}


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    draw = sampler()
    return [draw.clip(event=event) for event in MOTIONS for _ in range(40)]


def test_the_same_seed_draws_the_same_clips() -> None:
    drawn = [[sampler(seed).clip() for _ in range(5)] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_what_is_asked_for_happens(clips: list[Clip]) -> None:
    assert [clip.event for clip in clips[::40]] == list(MOTIONS)


def test_clips_last_two_to_six_seconds(clips: list[Clip]) -> None:
    assert min(clip.duration_s for clip in clips) >= 2
    assert max(clip.duration_s for clip in clips) <= 6


def test_things_stay_in_the_picture_nearly_whole(clips: list[Clip]) -> None:
    shown = [
        placement
        for clip in clips
        for share in np.linspace(0, 1, 9)
        for placement in clip.picture_at(share * clip.duration_s).placements
    ]
    assert min(min(p.x, p.y) for p in shown) > 0.08
    assert max(max(p.x, p.y) for p in shown) < 0.92


def test_slow_and_fast_are_never_a_matter_of_opinion(clips: list[Clip]) -> None:
    for event in MOTIONS:
        runs_s: dict[str | None, list[float]] = {"slow": [], "fast": []}
        for clip in clips:
            if clip.event == event:
                runs_s[clip.speed].append(clip.course.run_s)
        assert min(runs_s["slow"]) > 1.8 * max(runs_s["fast"])


def test_a_slow_way_takes_the_whole_clip_and_a_fast_one_at_most_half(clips: list[Clip]) -> None:
    for clip in clips:
        if clip.event not in CYCLIC_MOTIONS:
            share = clip.course.run_s / clip.duration_s
            assert share > 0.85 if clip.speed == "slow" else share <= 0.5


def test_the_frames_of_a_library_show_both_ends_of_a_fast_way(clips: list[Clip]) -> None:
    for clip in clips:
        if clip.speed == "fast" and clip.event not in CYCLIC_MOTIONS:
            times_s = frame_times_s(clip.duration_s)
            assert clip.course.runs_at(float(times_s[0])) == 0
            assert clip.course.runs_at(float(times_s[-1])) == 1


def test_only_things_that_show_it_spin_or_roll(clips: list[Clip]) -> None:
    spinning = {acting(clip)[0].thing for clip in clips if clip.event == "spin"}
    assert all(things_by_name()[name].shows_angle for name in spinning)


def test_training_clips_never_hold_a_held_out_combination() -> None:
    draw = sampler()
    clips = [draw.clip() for _ in range(300)] + [c for _ in range(60) for c in draw.variants(4)]
    shown = set().union(*(combinations(clip) for clip in clips))
    assert [triple for triple in shown if is_held_out_motion(*triple)] == []


def test_held_out_clips_hold_only_held_out_combinations() -> None:
    draw = sampler()
    clips = [draw.clip(held_out=True) for _ in range(100)]
    clips += [clip for _ in range(10) for clip in draw.variants(4, held_out=True)]
    shown = set().union(*(combinations(clip) for clip in clips))
    assert all(is_held_out_motion(*triple) for triple in shown)


def test_variants_differ_in_what_happens_only() -> None:
    draw = sampler()
    groups = [draw.variants(4) for _ in range(60)]
    for group in groups:
        assert len({(clip.picture.scene, clip.picture.scene_seed) for clip in group}) == 1
        casts = {tuple(sorted((p.thing, p.size) for p in c.picture.placements)) for c in group}
        assert len(casts) == 1
        assert all(first != second for first, second in pairwise(group))
    assert sum(group[1] == group[0].backward() for group in groups) > 20
    assert any(clip.event in PAIR_MOTIONS for group in groups for clip in group)


def test_variants_of_a_held_out_pair_come_with_chases() -> None:
    draw = sampler(3)
    events = {c.event for _ in range(12) for c in draw.variants(5, held_out=True)}
    assert events & set(PAIR_MOTIONS)
