"""Clips for telling actions apart: of one thing that acts, of two that act, and of none.

In each set the things, actions and scenes come at random, but every action is as frequent as the
others.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from smallworld.clips.motions import MOTIONS, PAIR_MOTIONS, STILL, Course
from smallworld.clips.moving import Clip, is_held_out_motion
from smallworld.clips.sampler import ClipSampler, centres, room_of
from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.scenes import SCENES
from smallworld.stills.things import Thing

# What one thing can do by itself.
SOLO_MOTIONS = tuple(motion for motion in MOTIONS if motion not in PAIR_MOTIONS)
# Actions that no one could tell apart when they happen in one picture: a fall is a way down, and
# a thing that rolls goes to one side.
_ALIKE = (
    {"fall", "down"},
    {"roll", "left"},
    {"roll", "right"},
    {"bounce", "jump"},
    {"fall", "up"},  # what a fall becomes backwards
    {"left", "right"},  # they meet or part
)
# The embedding hardly tells how two smaller things in a frame of 64 pixels are turned: one in six
# that spin was told, and two in five of medium size.
_TWO_SIZE = "medium"


def single_actions(
    things: Sequence[Thing], *, seed: int, count: int, held_out: bool = False
) -> list[Clip]:
    """Clips in each of which one action happens, every action as often as the others."""
    sampler = ClipSampler(things, np.random.default_rng([seed, 20]))
    events = [MOTIONS[number % len(MOTIONS)] for number in range(count)]
    return [sampler.clip(event=event, held_out=held_out) for event in events]


def double_actions(
    things: Sequence[Thing], *, seed: int, count: int, held_out: bool = False
) -> list[Clip]:
    """Clips in each of which two things do two things."""
    sampler = TwoActionSampler(things, np.random.default_rng([seed, 21]))
    return [sampler.two(held_out=held_out) for _ in range(count)]


def without_action(
    things: Sequence[Thing], *, seed: int, count: int, held_out: bool = False
) -> list[Clip]:
    """Clips of one, two or three things in which nothing moves but, in some, the camera."""
    sampler = ClipSampler(things, np.random.default_rng([seed, 22]))
    return [sampler.clip(event=STILL, held_out=held_out) for _ in range(count)]


class TwoActionSampler(ClipSampler):
    """Draws clips in which two things each do something of their own."""

    def two(self, *, held_out: bool = False) -> Clip:
        """A clip with two actions. Training clips hold no held-out combination; with `held_out`
        both things make one."""
        while True:
            first, second = (self._one_of(SOLO_MOTIONS) for _ in range(2))
            if first == second or {first, second} in _ALIKE:
                continue
            cast = [self._cast(event)[0] for event in (first, second)]
            clip = self._two_of(cast, (first, second), held_out=held_out)
            if clip is not None:
                return clip

    def _two_of(
        self, cast: Sequence[Thing], events: tuple[str, str], *, held_out: bool
    ) -> Clip | None:
        acts = list(zip(cast, events, strict=True))
        scenes = [
            scene
            for scene in SCENES
            if all(is_held_out_motion(t.name, e, scene) == held_out for t, e in acts)
        ]
        if cast[0] == cast[1] or not scenes:
            return None
        (course, one_s), (other, two_s) = (
            self._course(event, self._one_of(("slow", "fast"))) for event in events
        )
        placements = self._apart(cast, [course, other])
        picture = Picture(self._one_of(scenes), self._seed(), placements)
        return Clip(picture, course, max(one_s, two_s), self._pan(), second=other)

    def _apart(self, cast: Sequence[Thing], courses: Sequence[Course]) -> tuple[Placement, ...]:
        """Each thing in a quarter of its own, as far as its way leaves room."""
        corners = [(0.28, 0.28), (0.72, 0.72)]
        if self._rng.random() < 0.5:
            corners = [(0.28, 0.72), (0.72, 0.28)]
        if self._rng.random() < 0.5:
            corners.reverse()
        return tuple(
            self._in_corner(self._sized(thing, _TWO_SIZE), course, corner)
            for thing, course, corner in zip(cast, courses, corners, strict=True)
        )

    def _in_corner(
        self, placement: Placement, course: Course, corner: tuple[float, float]
    ) -> Placement:
        x, y = (
            float(np.clip(wish + self._within((-0.06, 0.06)), *centres(placement, room)))
            for wish, room in zip(corner, room_of(course), strict=True)
        )
        return replace(placement, x=x, y=y)
