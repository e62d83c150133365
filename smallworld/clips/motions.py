"""What each motion does to the things of a picture as time goes on.

A motion's way goes evenly to both sides of where its things are anchored, so that the mean of a
clip's frames tells as little of the direction as it can.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from smallworld.stills.pictures import Placement

STILL = "still"
# Motions of two things: the first placement chases the second.
PAIR_MOTIONS = ("chase", "meet", "part")
# Motions that come back to where they began and go on for the whole clip.
CYCLIC_MOTIONS = ("circle", "spin", "bounce", "shake")
MOTIONS = (
    "left",
    "right",
    "up",
    "down",
    "circle",
    "grow",
    "shrink",
    "spin",
    "bounce",
    "shake",
    "appear",
    "vanish",
    "chase",
    "meet",
    "part",
    "fall",
    "roll",
    "jump",
)

_GOLDEN = (math.sqrt(5) - 1) / 2
_TUMBLE_DEG = 170.0
_SHAKE_DEG = 18.0


@dataclass(frozen=True)
class Course:
    """One motion: what, how fast, when, how far.

    `speed` is "slow" or "fast", None when nothing moves. The motion begins at `begin_s`; one run
    or one cycle takes `run_s`. `reach` is a share of the picture's height, for growing and
    shrinking the ratio of the two sizes. `heading` is 1 to the right or clockwise, -1 the other
    way. `easing` runs from 0, an even pace, to 1, a soft start and end.
    """

    motion: str
    speed: str | None
    begin_s: float
    run_s: float
    reach: float
    heading: int = 1
    easing: float = 0.0

    def runs_at(self, elapsed_s: float) -> float:
        """How many runs lie behind: beyond 0 to 1 for cyclic motions only."""
        runs = (elapsed_s - self.begin_s) / self.run_s
        if self.motion in CYCLIC_MOTIONS:
            return runs
        done = min(1.0, max(0.0, runs))
        return done + self.easing * (done * done * (3 - 2 * done) - done)


def actor_count(motion: str) -> int:
    """How many things take part."""
    if motion == STILL:
        return 0
    return 2 if motion in PAIR_MOTIONS else 1


def moved(
    placements: tuple[Placement, ...], course: Course, elapsed_s: float
) -> tuple[Placement, ...]:
    """Where the things are `elapsed_s` seconds after the clip's start; hidden ones are left out.

    The first things act, the others stay where they are.
    """
    count = actor_count(course.motion)
    if count == 0:
        return placements
    done = course.runs_at(elapsed_s)
    if count == 2:
        return (*_moved_pair(placements[0], placements[1], course, done), *placements[2:])
    acting = _PATHS[course.motion](placements[0], course, done)
    return placements[1:] if acting.opacity <= 0 else (acting, *placements[1:])


def motions_seen(course: Course, *, backwards: bool = False) -> tuple[frozenset[str], ...]:
    """What each acting thing is seen to do, one set of motions for each.

    A thing that is chased is said to "flee". Backwards, what was chased chases, and a fall is
    only a way up: it gets slower and slower.
    """
    forwards = _motions_forwards(course)
    if not backwards:
        return forwards
    return tuple(frozenset(_BACKWARDS.get(word, word) for word in seen) for seen in forwards)


def event_seen(course: Course, *, backwards: bool = False) -> str:
    """The one word for what happens; a chase stays one backwards, with the parts swapped."""
    if not backwards or course.motion == "chase":
        return course.motion
    return _BACKWARDS.get(course.motion, course.motion)


# What a motion becomes when time runs backwards; all others stay the same.
_BACKWARDS = {
    "left": "right",
    "right": "left",
    "up": "down",
    "down": "up",
    "grow": "shrink",
    "shrink": "grow",
    "appear": "vanish",
    "vanish": "appear",
    "meet": "part",
    "part": "meet",
    "chase": "flee",
    "flee": "chase",
    "fall": "up",
}


# What becomes another of the MOTIONS when time runs backwards, and that one becomes it.
DIRECTED_MOTIONS = tuple(
    here
    for here in MOTIONS
    for there in MOTIONS
    if (_BACKWARDS.get(here), _BACKWARDS.get(there)) == (there, here)
)


def _motions_forwards(course: Course) -> tuple[frozenset[str], ...]:
    ahead, back = ("right", "left") if course.heading > 0 else ("left", "right")
    told: dict[str, tuple[set[str], ...]] = {
        STILL: (),
        "fall": ({"fall", "down"},),
        "roll": ({"roll", ahead},),
        "chase": ({"chase", ahead}, {"flee", ahead}),
        "meet": ({"meet", ahead}, {"meet", back}),
        "part": ({"part", back}, {"part", ahead}),
    }
    return tuple(frozenset(seen) for seen in told.get(course.motion, ({course.motion},)))


def _straight(right: int, down: int) -> Callable[[Placement, Course, float], Placement]:
    def path(placement: Placement, course: Course, done: float) -> Placement:
        way = course.reach * (done - 0.5)
        return replace(placement, x=placement.x + right * way, y=placement.y + down * way)

    return path


def _circle(placement: Placement, course: Course, done: float) -> Placement:
    angle = 2 * math.pi * course.heading * done
    x = placement.x + course.reach * math.cos(angle)
    return replace(placement, x=x, y=placement.y + course.reach * math.sin(angle))


def _grow(placement: Placement, course: Course, done: float) -> Placement:
    return replace(placement, size=placement.size * course.reach ** (done - 0.5))


def _shrink(placement: Placement, course: Course, done: float) -> Placement:
    return _grow(placement, course, 1 - done)


def _spin(placement: Placement, course: Course, done: float) -> Placement:
    return replace(placement, angle_deg=placement.angle_deg + 360 * course.heading * done)


def _jump(placement: Placement, course: Course, done: float) -> Placement:
    height = 4 * done * (1 - done)
    return replace(placement, y=placement.y + course.reach * (0.5 - height))


def _bounce(placement: Placement, course: Course, done: float) -> Placement:
    return _jump(placement, course, done % 1)


def _shake(placement: Placement, course: Course, done: float) -> Placement:
    # Frequencies without a common measure: frames taken at even steps never look all the same.
    quick, slow = math.sin(2 * math.pi * done), math.sin(2 * math.pi * done * _GOLDEN)
    x = placement.x + course.reach * (0.65 * quick + 0.35 * slow)
    turn = _SHAKE_DEG * course.heading * slow
    return replace(placement, x=x, angle_deg=placement.angle_deg + turn)


def _appear(placement: Placement, course: Course, done: float) -> Placement:
    return replace(placement, opacity=done)


def _vanish(placement: Placement, course: Course, done: float) -> Placement:
    return _appear(placement, course, 1 - done)


def _fall(placement: Placement, course: Course, done: float) -> Placement:
    dropped = done * done
    turn = _TUMBLE_DEG * course.heading * dropped
    y = placement.y + course.reach * (dropped - 0.5)
    return replace(placement, y=y, angle_deg=placement.angle_deg + turn)


def _roll(placement: Placement, course: Course, done: float) -> Placement:
    way = course.heading * course.reach * (done - 0.5)
    turn = math.degrees(way / (placement.size / 2))
    return replace(placement, x=placement.x + way, angle_deg=placement.angle_deg + turn)


_PATHS: dict[str, Callable[[Placement, Course, float], Placement]] = {
    "left": _straight(-1, 0),
    "right": _straight(1, 0),
    "up": _straight(0, -1),
    "down": _straight(0, 1),
    "circle": _circle,
    "grow": _grow,
    "shrink": _shrink,
    "spin": _spin,
    "bounce": _bounce,
    "shake": _shake,
    "appear": _appear,
    "vanish": _vanish,
    "fall": _fall,
    "roll": _roll,
    "jump": _jump,
}


def _moved_pair(
    first: Placement, second: Placement, course: Course, done: float
) -> tuple[Placement, Placement]:
    """Chasing keeps the distance; meeting and parting end and begin at the anchors."""
    if course.motion == "chase":
        way = course.heading * course.reach * (done - 0.5)
        return replace(first, x=first.x + way), replace(second, x=second.x + way)
    apart = 1 - done if course.motion == "meet" else done
    way = course.heading * course.reach / 2 * apart
    return replace(first, x=first.x - way), replace(second, x=second.x + way)
