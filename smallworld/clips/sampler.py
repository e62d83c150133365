"""Random clips: which things, which motion, where, how far and how fast."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from smallworld.clips.motions import MOTIONS, PAIR_MOTIONS, STILL, Course
from smallworld.clips.moving import Clip, is_held_out_motion, resting
from smallworld.stills.pictures import SIZES, Picture, PictureSampler, Placement, Range, is_held_out
from smallworld.stills.scenes import SCENES
from smallworld.stills.things import Thing, things_by_name

# How far a motion goes: shares of the picture's height, ratios for growing and shrinking.
_STRAIGHT: Range = (0.48, 0.66)
_REACHES: dict[str, Range] = {
    "circle": (0.18, 0.26),
    "grow": (2.4, 3.2),
    "shrink": (2.4, 3.2),
    "spin": (0.0, 0.0),
    "bounce": (0.28, 0.42),
    "shake": (0.07, 0.11),
    "appear": (0.0, 0.0),
    "vanish": (0.0, 0.0),
    "chase": (0.40, 0.48),
    "meet": (0.36, 0.46),
    "part": (0.36, 0.46),
    "jump": (0.34, 0.46),
}
# How much room a way takes to the right and downwards, in reaches.
_ROOM: dict[str, tuple[float, float]] = {
    "left": (1, 0),
    "right": (1, 0),
    "roll": (1, 0),
    "up": (0, 1),
    "down": (0, 1),
    "fall": (0, 1),
    "bounce": (0, 1),
    "jump": (0, 1),
    "circle": (2, 2),
    "shake": (2, 0),
    "grow": (0.15, 0.15),
    "shrink": (0.15, 0.15),
}
# Seconds of one cycle; the gap between slow and fast leaves no doubt.
_CYCLES_S: dict[str, dict[str, Range]] = {
    "circle": {"slow": (2.6, 4.5), "fast": (1.1, 1.4)},
    "spin": {"slow": (2.6, 4.5), "fast": (1.1, 1.4)},
    "bounce": {"slow": (1.6, 2.2), "fast": (0.55, 0.75)},
    "shake": {"slow": (0.9, 1.3), "fast": (0.25, 0.4)},
}
_FAST_RUNS_S: dict[str, Range] = {
    "fall": (0.6, 0.9),
    "jump": (0.65, 0.9),
    "appear": (0.1, 0.2),
    "vanish": (0.1, 0.2),
}
_FAST_RUN_S: Range = (0.9, 1.25)
_DURATION_S: Range = (2.0, 6.0)
_SLOW_DURATION_S: Range = (3.0, 6.0)
_MOVER_SIZES = {"tiny": 0.1, "small": 0.5, "medium": 0.4}
# What happens on the spot has room for large things, and is hard to see of tiny ones.
_RESTING_SIZES = {"small": 0.3, "medium": 0.4, "large": 0.3}
_ON_THE_SPOT = ("spin", "shake", "appear", "vanish")
# Balls look alike at all angles, but their patterns show that they turn.
_PATTERNED = frozenset(
    {"football", "baseball", "basketball", "volleyball", "billiard ball", "globe", "gear"}
)
_STILL_SHARE = 0.08
_PAIR_GROUP_SHARE = 0.2
_BYSTANDER_SHARE = 0.12
_FASTEST_PAN = 0.03


class ClipSampler:
    """Draws random clips from a random generator."""

    def __init__(self, things: Sequence[Thing], rng: np.random.Generator) -> None:
        self._things = things
        self._rng = rng
        self._pictures = PictureSampler(things, rng)

    def clip(self, *, event: str | None = None, held_out: bool = False) -> Clip:
        """A random clip in which `event` happens, by default any motion or none.

        Training clips never hold a held-out combination of thing, event and scene; with
        `held_out`, every acting thing makes such a combination.
        """
        if event is None:
            event = STILL if self._rng.random() < _STILL_SHARE else self._one_of(MOTIONS)
        if event == STILL:
            return self._resting(self._pictures.picture(held_out=held_out))
        while True:
            things = self._cast(event)
            scene = self._scene(things, event, held_out=held_out)
            if scene is not None:
                return self._acted(event, self._placements(things, event), scene, held_out=held_out)

    def variants(self, count: int, *, held_out: bool = False) -> list[Clip]:
        """Clips with the same things, sizes and scene in which other things happen.

        The second one is the first one backwards wherever that looks different. One group in
        five is of two things: who chases whom, meeting, parting, one moving beside the other.
        """
        pair = bool(self._rng.random() < _PAIR_GROUP_SHARE)
        while True:
            group = self._group(count, self._cast("chase" if pair else "left"), held_out=held_out)
            if len(group) == count:
                return group

    def _group(self, count: int, things: list[Thing], *, held_out: bool) -> list[Clip]:
        scene = self._one_of(SCENES)
        events = [e for e in (*MOTIONS, STILL) if self._fits(things, e, scene, held_out=held_out)]
        if len(things) == 2:
            events = [e for e in events if e in PAIR_MOTIONS or e in ("left", "right")] * 2
        else:
            events = [e for e in events if e not in PAIR_MOTIONS]
        placements, seed = self._placements(things), self._seed()
        group: list[Clip] = []
        for number in self._rng.permutation(len(events)):
            event = events[number]
            turned = placements[:: self._heading()] if len(things) == 2 else placements
            clip = self._staged(event, turned, scene, seed)
            group += [clip, *self._backward(clip, group, held_out=held_out)]
            if self._rng.random() < 0.25 and clip.speed:
                other = "fast" if clip.speed == "slow" else "slow"
                group.append(self._staged(event, turned, scene, seed, speed=other))
        return group[:count]

    def _backward(self, clip: Clip, group: list[Clip], *, held_out: bool) -> list[Clip]:
        """The clip backwards if it begins the group and then looks different."""
        backward = clip.backward()
        things = [things_by_name()[p.thing] for p in clip.picture.placements]
        if group or backward.motions == clip.motions:
            return []
        fits = self._fits(things, backward.event, clip.picture.scene, held_out=held_out)
        return [backward] if fits else []

    def _acted(
        self, event: str, placements: tuple[Placement, ...], scene: str, *, held_out: bool
    ) -> Clip:
        clip = self._staged(event, placements, scene, self._seed())
        if len(placements) == 2 or self._rng.random() > _BYSTANDER_SHARE:
            return clip
        bystander = self._bystander(clip.picture)
        if is_held_out(bystander.thing, scene) != held_out:
            return clip
        picture = replace(clip.picture, placements=(*clip.picture.placements, bystander))
        return replace(clip, picture=picture)

    def _bystander(self, picture: Picture) -> Placement:
        size = self._within(SIZES["small"])
        return self._aside(Placement(self._thing().name, 0.5, 0.5, size), picture.placements[0])

    def _staged(
        self,
        event: str,
        placements: tuple[Placement, ...],
        scene: str,
        seed: int,
        *,
        speed: str | None = None,
    ) -> Clip:
        """The things anchored where there is room for what they do."""
        if event == STILL:
            return self._resting(Picture(scene, seed, self._anchored(placements, room=(0, 0))))
        course, duration_s = self._course(event, speed or self._one_of(("slow", "fast")))
        anchored = (
            self._anchored_pair(placements[0], placements[1], course)
            if event in PAIR_MOTIONS
            else self._anchored(placements, room=room_of(course))
        )
        return Clip(Picture(scene, seed, anchored), course, duration_s, self._pan())

    def _resting(self, picture: Picture) -> Clip:
        return resting(picture, duration_s=self._within(_DURATION_S), pan=self._pan())

    def _pan(self) -> float:
        return self._within((-_FASTEST_PAN, _FASTEST_PAN)) if self._rng.random() < 0.5 else 0.0

    def _course(self, event: str, speed: str) -> tuple[Course, float]:
        """The course and how long its clip lasts."""
        begin_s, run_s, duration_s = self._timing(event, speed)
        # A fall or a jump has its own pace.
        easing = 0.0 if event in ("fall", "jump", "appear", "vanish") else self._within((0.0, 1.0))
        reach = self._within(_REACHES.get(event, _STRAIGHT))
        return Course(event, speed, begin_s, run_s, reach, self._heading(), easing), duration_s

    def _timing(self, event: str, speed: str) -> tuple[float, float, float]:
        """When it begins, how long one run takes, how long the clip lasts."""
        if event in _CYCLES_S:
            run_s = self._within(_CYCLES_S[event][speed])
            shortest_s = max(_DURATION_S[0], (1 if event in ("circle", "spin") else 2) * run_s)
            return -self._within((0.0, run_s)), run_s, self._within((shortest_s, _DURATION_S[1]))
        if speed == "slow":
            duration_s = self._within(_SLOW_DURATION_S)
            begin_s, rest_s = (self._within((0.0, 0.06)) * duration_s for _ in range(2))
            return begin_s, duration_s - begin_s - rest_s, duration_s
        run_s = self._within(_FAST_RUNS_S.get(event, _FAST_RUN_S))
        duration_s = self._within((max(_DURATION_S[0], 2 * run_s), _DURATION_S[1]))
        # The frames that a library takes show the start and the end of the way at rest.
        margin_s = 0.05 + min(0.5, duration_s / 8)
        if event in ("appear", "vanish"):
            margin_s = 0.3 * duration_s
        return self._within((margin_s, duration_s - run_s - margin_s)), run_s, duration_s

    def _anchored(
        self, placements: tuple[Placement, ...], *, room: tuple[float, float]
    ) -> tuple[Placement, ...]:
        """The first thing with `room` around it, to the sides and above and below; others aside."""
        first, *others = placements
        right, down = room
        actor = replace(first, x=self._centre(first, right), y=self._centre(first, down))
        return (actor, *(self._aside(other, actor) for other in others))

    def _anchored_pair(
        self, first: Placement, second: Placement, course: Course
    ) -> tuple[Placement, Placement]:
        """Side by side; the first one is behind in a chase, else where the heading comes from."""
        gap = (first.size + second.size) * self._within((0.48, 0.54))
        room = gap + course.reach
        x = self._within((min(0.5, 0.14 + room / 2), max(0.5, 0.86 - room / 2)))
        y = self._within((0.25, 0.75))
        shift = course.heading * gap / 2
        return (
            replace(first, x=x - shift, y=y + self._within((-0.03, 0.03))),
            replace(second, x=x + shift, y=y + self._within((-0.03, 0.03))),
        )

    def _aside(self, placement: Placement, actor: Placement) -> Placement:
        """In the quarter of the picture across from where the actor is."""
        x, y = (self._within((0.15, 0.35)) + (0.5 if v < 0.5 else 0) for v in (actor.x, actor.y))
        return replace(placement, x=x, y=y)

    def _centre(self, placement: Placement, room: float) -> float:
        """Somewhere with `room` around it, evenly to both sides."""
        return self._within(centres(placement, room))

    def _cast(self, event: str) -> list[Thing]:
        """The things that act."""
        while True:
            things = [self._thing() for _ in range(2 if event in PAIR_MOTIONS else 1)]
            if len(things) == 2 and self._rng.random() < 0.1:
                things[1] = things[0]
            if all(_shows(thing, event) for thing in things):
                return things

    def _placements(self, things: Sequence[Thing], event: str = "") -> tuple[Placement, ...]:
        """The things upright, at sizes that leave room for the event, by default for any."""
        shares = _RESTING_SIZES if event in _ON_THE_SPOT else _MOVER_SIZES
        size = str(self._rng.choice(list(shares), p=list(shares.values())))
        size = size if len(things) == 1 else "small"
        return tuple(self._sized(thing, size) for thing in things)

    def _sized(self, thing: Thing, size: str) -> Placement:
        """The thing about upright, in a place that is yet to be chosen."""
        return Placement(thing.name, 0.5, 0.5, self._within(SIZES[size]), self._within((-8, 8)))

    def _scene(self, things: list[Thing], event: str, *, held_out: bool) -> str | None:
        fitting = [s for s in SCENES if self._fits(things, event, s, held_out=held_out)]
        return self._one_of(fitting) if fitting else None

    def _fits(self, things: Sequence[Thing], event: str, scene: str, *, held_out: bool) -> bool:
        return all(
            _shows(thing, event) and is_held_out_motion(thing.name, event, scene) == held_out
            for thing in things
        )

    def _thing(self) -> Thing:
        return self._things[int(self._rng.integers(len(self._things)))]

    def _one_of(self, words: Sequence[str]) -> str:
        return words[int(self._rng.integers(len(words)))]

    def _heading(self) -> int:
        return 1 if self._rng.random() < 0.5 else -1

    def _seed(self) -> int:
        return int(self._rng.integers(1 << 31))

    def _within(self, span: Range) -> float:
        return float(self._rng.uniform(*span))


def room_of(course: Course) -> tuple[float, float]:
    """How much room a way takes to the right and downwards."""
    right, down = _ROOM.get(course.motion, (0, 0))
    return right * course.reach, down * course.reach


def centres(placement: Placement, room: float) -> Range:
    """Where a thing's centre may be, along one side, so that it has `room` evenly around it."""
    edge = max(0.14, placement.size / 2 - 0.04) + room / 2
    return min(edge, 0.5), max(1 - edge, 0.5)


def _shows(thing: Thing, event: str) -> bool:
    """Whether the motion can be seen of such a thing."""
    if event == "spin":
        return thing.shows_angle
    return event != "roll" or thing.shows_angle or thing.name in _PATTERNED
