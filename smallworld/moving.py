"""Clips: pictures in which something moves, the same in any number of frames."""

import zlib
from dataclasses import dataclass, replace

from smallworld.motions import STILL, Course, actor_count, event_seen, motions_seen, moved
from smallworld.pictures import Picture, is_held_out

_HELD_OUT_SHARE = 10


@dataclass(frozen=True)
class Clip:
    """What happens in one shot, from 0 to `duration_s`.

    The first things of `picture` act, where it shows them is the middle of their way; the others
    stay. The camera goes `pan` heights of the picture to the right each second, which moves the
    scene behind the things. With `backwards`, all of it runs from its end to its start.
    """

    picture: Picture
    course: Course
    duration_s: float
    pan: float = 0.0
    backwards: bool = False

    def picture_at(self, elapsed_s: float) -> Picture:
        """What the clip shows after `elapsed_s` seconds."""
        placements = moved(self.picture.placements, self.course, self._course_s(elapsed_s))
        return replace(self.picture, placements=placements)

    def camera_at(self, elapsed_s: float) -> float:
        """How far the camera has gone to the right of where the clip's course began."""
        return self.pan * self._course_s(elapsed_s)

    def backward(self) -> "Clip":
        """The same clip with time reversed."""
        return replace(self, backwards=not self.backwards)

    @property
    def event(self) -> str:
        """The one word for what is seen to happen, one of `MOTIONS` or "still"."""
        return event_seen(self.course, backwards=self.backwards)

    @property
    def speed(self) -> str | None:
        """Whether it is "slow" or "fast", None when nothing moves."""
        return self.course.speed

    @property
    def motions(self) -> tuple[frozenset[str], ...]:
        """What each thing is seen to do, in the order of `picture.placements`."""
        seen = motions_seen(self.course, backwards=self.backwards)
        resting = len(self.picture.placements) - actor_count(self.course.motion)
        return (*seen, *[frozenset({STILL})] * resting)

    def _course_s(self, elapsed_s: float) -> float:
        return self.duration_s - elapsed_s if self.backwards else elapsed_s


def resting(picture: Picture, *, duration_s: float, pan: float = 0.0) -> Clip:
    """A clip in which nothing happens."""
    course = Course(STILL, None, begin_s=0.0, run_s=duration_s, reach=0.0)
    return Clip(picture, course, duration_s, pan)


def is_held_out_motion(thing: str, event: str, scene: str) -> bool:
    """Whether this thing is never seen to do this in this scene while training.

    True of every motion where thing and scene are held out as stills, else of one in ten.
    """
    if is_held_out(thing, scene):
        return True
    return zlib.crc32(f"{thing}|{event}|{scene}".encode()) % _HELD_OUT_SHARE == 0
