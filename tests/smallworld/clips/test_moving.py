import pytest

from smallworld.clips.motions import MOTIONS, Course
from smallworld.clips.moving import Clip, is_held_out_motion, resting
from smallworld.stills.pictures import Picture, Placement, is_held_out
from smallworld.stills.scenes import SCENES
from smallworld.stills.things import load_things

CAT_AND_DOG = Picture(
    "grass", 1, (Placement("cat", 0.5, 0.5, 0.3), Placement("dog", 0.5, 0.2, 0.3))
)
WALK = Clip(CAT_AND_DOG, Course("left", "fast", 0.5, 1.0, 0.6), duration_s=3.0, pan=0.02)


@pytest.mark.parametrize("elapsed_s", [0.0, 0.7, 1.3, 3.0])
def test_a_backward_clip_shows_the_same_from_its_end(elapsed_s: float) -> None:
    backward = WALK.backward()
    assert backward.picture_at(elapsed_s) == WALK.picture_at(3.0 - elapsed_s)
    assert backward.camera_at(elapsed_s) == WALK.camera_at(3.0 - elapsed_s)
    assert backward.backward() == WALK


def test_a_clip_tells_what_each_thing_does() -> None:
    assert WALK.motions == ({"left"}, {"still"})
    assert WALK.backward().motions == ({"right"}, {"still"})
    assert (WALK.event, WALK.backward().event, WALK.speed) == ("left", "right", "fast")


def test_a_chase_backwards_is_a_chase_with_the_parts_swapped() -> None:
    chase = Clip(CAT_AND_DOG, Course("chase", "slow", 0, 3, 0.4), duration_s=3.0)
    assert chase.backward().event == "chase"
    assert chase.backward().motions == ({"flee", "left"}, {"chase", "left"})


def test_a_fall_backwards_is_a_way_up() -> None:
    fall = Clip(CAT_AND_DOG, Course("fall", "slow", 0, 3, 0.4), duration_s=3.0)
    assert fall.backward().event == "up"


def test_nothing_happens_in_a_resting_clip() -> None:
    clip = resting(CAT_AND_DOG, duration_s=2.0)
    assert clip.picture_at(1.3) == CAT_AND_DOG
    assert (clip.event, clip.speed, clip.motions) == ("still", None, ({"still"}, {"still"}))


def test_about_one_motion_in_ten_is_held_out_where_the_still_is_not() -> None:
    triples = [
        is_held_out_motion(thing.name, event, scene)
        for thing in load_things()[:60]
        for scene in SCENES
        if not is_held_out(thing.name, scene)
        for event in MOTIONS
    ]
    assert 0.08 < sum(triples) / len(triples) < 0.12


def test_where_the_still_is_held_out_every_motion_is() -> None:
    pairs = [(t.name, s) for t in load_things() for s in SCENES if is_held_out(t.name, s)]
    assert all(is_held_out_motion(thing, "left", scene) for thing, scene in pairs)


def test_two_things_may_each_do_something() -> None:
    clip = Clip(CAT_AND_DOG, WALK.course, 3.0, second=Course("grow", "slow", 0.0, 3.0, 2.0))
    assert clip.motions == ({"left"}, {"grow"})
    assert clip.actions == {"left", "grow"}
    cat, dog = clip.picture_at(3.0).placements
    assert (cat.x, cat.size) == (pytest.approx(0.2), 0.3)
    assert (dog.x, dog.size) == (0.5, pytest.approx(0.3 * 2**0.5))


def test_the_second_thing_acts_on_when_the_first_has_vanished() -> None:
    gone = Course("vanish", "fast", 0.0, 0.5, 0.0)
    clip = Clip(CAT_AND_DOG, gone, 3.0, second=Course("grow", "slow", 0.0, 3.0, 2.0))
    (dog,) = clip.picture_at(3.0).placements
    assert (dog.thing, dog.size) == ("dog", pytest.approx(0.3 * 2**0.5))
