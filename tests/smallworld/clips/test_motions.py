import math
from itertools import pairwise

import pytest

from smallworld.clips.motions import MOTIONS, STILL, Course, motions_seen, moved
from smallworld.stills.pictures import Placement

CAT = Placement("cat", 0.5, 0.5, 0.3)
DOG = Placement("dog", 0.8, 0.5, 0.3)


def course(motion: str, *, reach: float = 0.6, heading: int = 1) -> Course:
    return Course(motion, "slow", begin_s=1.0, run_s=2.0, reach=reach, heading=heading)


def path(motion: str, *, reach: float = 0.6, heading: int = 1) -> list[Placement]:
    """The cat before, at the start, halfway, at the end and after."""
    line = course(motion, reach=reach, heading=heading)
    return [moved((CAT,), line, elapsed_s)[0] for elapsed_s in (0.0, 1.0, 2.0, 3.0, 4.0)]


@pytest.mark.parametrize(
    ("motion", "xs", "ys"),
    [
        ("left", (0.8, 0.8, 0.5, 0.2, 0.2), (0.5,) * 5),
        ("right", (0.2, 0.2, 0.5, 0.8, 0.8), (0.5,) * 5),
        ("up", (0.5,) * 5, (0.8, 0.8, 0.5, 0.2, 0.2)),
        ("down", (0.5,) * 5, (0.2, 0.2, 0.5, 0.8, 0.8)),
        ("fall", (0.5,) * 5, (0.2, 0.2, 0.35, 0.8, 0.8)),
        ("jump", (0.5,) * 5, (0.8, 0.8, 0.2, 0.8, 0.8)),
        ("roll", (0.2, 0.2, 0.5, 0.8, 0.8), (0.5,) * 5),
    ],
)
def test_where_things_go_and_rest(
    motion: str, xs: tuple[float, ...], ys: tuple[float, ...]
) -> None:
    places = path(motion)
    assert [place.x for place in places] == pytest.approx(xs)
    assert [place.y for place in places] == pytest.approx(ys)


def test_a_thing_that_grows_begins_as_small_as_one_that_shrinks_ends() -> None:
    grown = [place.size for place in path("grow", reach=4.0)]
    assert grown == pytest.approx([0.15, 0.15, 0.3, 0.6, 0.6])
    assert [place.size for place in path("shrink", reach=4.0)] == pytest.approx(grown[::-1])


def test_a_rolling_thing_turns_as_far_as_its_rim_touches_the_ground() -> None:
    places = path("roll", heading=-1)
    assert [place.x for place in places[1:4]] == pytest.approx([0.8, 0.5, 0.2])
    assert places[3].angle_deg - places[1].angle_deg == pytest.approx(-math.degrees(0.6 / 0.15))


def test_a_spin_turns_on_the_spot() -> None:
    places = path("spin")
    assert {(place.x, place.y) for place in places} == {(0.5, 0.5)}
    assert [place.angle_deg for place in places] == pytest.approx([-180, 0, 180, 360, 540])


def test_a_circle_stays_at_its_distance_and_goes_on() -> None:
    places = path("circle", reach=0.2)
    assert [math.hypot(p.x - 0.5, p.y - 0.5) for p in places] == pytest.approx([0.2] * 5)
    assert places[0].x == pytest.approx(0.3)
    assert places[1].x == pytest.approx(0.7)


def test_a_bounce_goes_on_where_a_jump_rests() -> None:
    bounced, jumped = (
        [moved((CAT,), course(motion), elapsed_s)[0].y for elapsed_s in (2.0, 3.0, 4.0)]
        for motion in ("bounce", "jump")
    )
    assert bounced == pytest.approx([0.2, 0.8, 0.2])
    assert jumped == pytest.approx([0.2, 0.8, 0.8])


@pytest.mark.parametrize("step_s", [0.125, 0.25, 0.5])
def test_frames_at_even_steps_see_a_fast_shake(step_s: float) -> None:
    line = Course("shake", "fast", 0.0, 0.25, 0.1)
    shown = [moved((CAT,), line, number * step_s)[0] for number in range(8)]
    assert max(p.x for p in shown) - min(p.x for p in shown) > 0.03


def test_what_has_not_appeared_is_not_there() -> None:
    line = course("appear")
    assert moved((CAT, DOG), line, 0.5) == (DOG,)
    halfway, dog = moved((CAT, DOG), line, 2.0)
    assert halfway.opacity == pytest.approx(0.5)
    assert dog == DOG


def test_what_has_vanished_is_gone() -> None:
    assert moved((CAT,), course("vanish"), 3.5) == ()


def test_a_chase_keeps_the_distance() -> None:
    for elapsed_s in (0.0, 1.7, 4.0):
        cat, dog = moved((CAT, DOG), course("chase"), elapsed_s)
        assert dog.x - cat.x == pytest.approx(0.3)
    assert cat.x == pytest.approx(0.8)


@pytest.mark.parametrize(("motion", "gaps"), [("meet", (0.9, 0.6, 0.3)), ("part", (0.3, 0.6, 0.9))])
def test_meeting_and_parting_change_the_distance(motion: str, gaps: tuple[float, ...]) -> None:
    pairs = [moved((CAT, DOG), course(motion), elapsed_s) for elapsed_s in (1.0, 2.0, 3.0)]
    assert [dog.x - cat.x for cat, dog in pairs] == pytest.approx(gaps)


def test_easing_slows_both_ends_and_keeps_the_middle() -> None:
    eased = Course("right", "slow", 0.0, 1.0, 1.0, easing=1.0)
    steps = [after - before for before, after in pairwise(eased.runs_at(i / 8) for i in range(9))]
    assert steps[0] < steps[3]
    assert steps == pytest.approx(steps[::-1])
    assert eased.runs_at(0.5) == pytest.approx(0.5)


def test_only_the_first_things_act() -> None:
    assert moved((CAT, DOG), course("left"), 3.0)[1] == DOG
    assert moved((CAT, DOG), Course(STILL, None, 0, 1, 0), 3.0) == (CAT, DOG)


@pytest.mark.parametrize(
    ("motion", "forwards", "backwards"),
    [
        ("left", [{"left"}], [{"right"}]),
        ("grow", [{"grow"}], [{"shrink"}]),
        ("vanish", [{"vanish"}], [{"appear"}]),
        ("spin", [{"spin"}], [{"spin"}]),
        ("fall", [{"fall", "down"}], [{"up"}]),
        ("roll", [{"roll", "right"}], [{"roll", "left"}]),
        ("meet", [{"meet", "right"}, {"meet", "left"}], [{"part", "left"}, {"part", "right"}]),
        ("chase", [{"chase", "right"}, {"flee", "right"}], [{"flee", "left"}, {"chase", "left"}]),
    ],
)
def test_what_is_seen_of_a_motion(
    motion: str, forwards: list[set[str]], backwards: list[set[str]]
) -> None:
    assert list(motions_seen(course(motion))) == forwards
    assert list(motions_seen(course(motion), backwards=True)) == backwards


def test_there_are_eighteen_motions() -> None:
    assert len(set(MOTIONS)) == 18
