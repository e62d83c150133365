import pytest

from smallworld.clips.motions import actor_count
from smallworld.clips.moving import Clip, is_held_out_motion
from smallworld.stills.things import load_things
from smallworld.training.held_out_clips import (
    REVERSIBLE_EVENTS,
    RetrievalSet,
    TimePair,
    retrieval_set,
    time_pairs,
)
from smallworld.words.clip_claims import truth_tables


@pytest.fixture(scope="module")
def held_out() -> RetrievalSet:
    return retrieval_set(load_things(), seed=1, count=60)


@pytest.fixture(scope="module")
def pairs() -> list[TimePair]:
    return time_pairs(load_things(), seed=1, count=33)


def is_unseen(clip: Clip) -> bool:
    acting = clip.picture.placements[: actor_count(clip.course.motion)]
    return all(is_held_out_motion(p.thing, clip.event, clip.picture.scene) for p in acting)


def test_each_caption_is_true_of_its_own_clip_alone(held_out: RetrievalSet) -> None:
    true, arguable = truth_tables([c.claim for c in held_out.captions], held_out.clips)
    assert true.diagonal().all()
    assert int(true.sum()) == 60
    assert int(arguable.sum()) == 0


def test_only_what_happens_tells_a_group_apart(held_out: RetrievalSet) -> None:
    for start in range(0, 60, 5):
        group = held_out.clips[start : start + 5]
        assert len({clip.picture.scene_seed for clip in group}) == 1
        assert len({frozenset(p.thing for p in clip.picture.placements) for clip in group}) == 1


def test_nothing_in_the_set_was_seen_in_training(
    held_out: RetrievalSet, pairs: list[TimePair]
) -> None:
    assert all(is_unseen(clip) for clip in held_out.clips)
    assert all(is_unseen(pair.forwards) and is_unseen(pair.backwards) for pair in pairs)


def test_a_pair_differs_in_the_direction_of_time_only(pairs: list[TimePair]) -> None:
    assert all(pair.backwards == pair.forwards.backward() for pair in pairs)
    assert {pair.forwards.event for pair in pairs} == set(REVERSIBLE_EVENTS)


def test_each_caption_of_a_pair_is_untrue_of_the_other(pairs: list[TimePair]) -> None:
    for pair in pairs:
        claims = [caption.claim for caption in pair.captions]
        true, arguable = truth_tables(claims, [pair.forwards, pair.backwards])
        assert true.tolist() == [[True, False], [False, True]]
        assert not arguable.any()


def test_the_same_seed_makes_the_same_set(held_out: RetrievalSet) -> None:
    assert retrieval_set(load_things(), seed=1, count=10) == RetrievalSet(
        held_out.clips[:10], held_out.captions[:10]
    )
