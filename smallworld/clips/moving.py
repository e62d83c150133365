"""Clips: pictures in which something moves, the same in any number of frames."""

import zlib
from dataclasses import dataclass, replace

from smallworld.clips.motions import STILL, Course, event_seen, motions_seen, moved
from smallworld.stills.pictures import Picture, is_held_out

_HELD_OUT_SHARE = 10


@dataclass(frozen=True)
class Clip:
    """What happens in one shot, from 0 to `duration_s`.

    The first things of `picture` act, where it shows them is the middle of their way; the others
    stay. With `second`, the first thing follows `course` and the second one that, each for itself.
    The camera goes `pan` heights of the picture to the right each second, which moves the
    scene behind the things. With `backwards`, all of it runs from its end to its start.
    """

    picture: Picture
    course: Course
    duration_s: float
    pan: float = 0.0
    backwards: bool = False
    second: Course | None = None

    def picture_at(self, elapsed_s: float) -> Picture:
        """What the clip shows after `elapsed_s` seconds."""
        course_s, placements = self._course_s(elapsed_s), self.picture.placements
        if self.second is None:
            placements = moved(placements, self.course, course_s)
        else:
            placements = (
                *moved(placements[:1], self.course, course_s),
                *moved(placements[1:], self.second, course_s),
            )
        return replace(self.picture, placements=placements)

    def camera_at(self, elapsed_s: float) -> float:
        """How far the camera has gone to the right of where the clip's course began."""
        return self.pan * self._course_s(elapsed_s)

    def backward(self) -> "Clip":
        """The same clip with time reversed."""
        return replace(self, backwards=not self.backwards)

    @property
    def event(self) -> str:
        """The one word for what is seen to happen, one of `MOTIONS` or "still".

        Where two things each do something, it is what the first one does.
        """
        return event_seen(self.course, backwards=self.backwards)

    @property
    def actions(self) -> frozenset[str]:
        """The words for all that is seen to happen, of `MOTIONS`; none when nothing moves."""
        courses = [self.course] if self.second is None else [self.course, self.second]
        return frozenset(event_seen(c, backwards=self.backwards) for c in courses) - {STILL}

    @property
    def speed(self) -> str | None:
        """Whether it is "slow" or "fast", None when nothing moves."""
        return self.course.speed

    @property
    def motions(self) -> tuple[frozenset[str], ...]:
        """What each thing is seen to do, in the order of `picture.placements`."""
        seen = motions_seen(self.course, backwards=self.backwards)
        if self.second is not None:
            seen += motions_seen(self.second, backwards=self.backwards)
        resting = len(self.picture.placements) - len(seen)
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
