"""Where one shot ends and the next begins, found while the frames stream by.

Consecutive frames are compared by their small pictures. A cut is a change that stands out from the
changes around it (a pan changes much in every frame), after which the picture does not come back
within a quarter of a second (it does after a flash), and which no shift of the picture and no
change of brightness explains (they explain a jolt of the camera, or lights going on). A fade
through black also ends a shot. Every frame is looked at, so a cut is placed exactly on the first
frame of its shot.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from indexer.reading.frames import Frame

# Looking this far back and ahead tells cuts from flashes and pans.
_WINDOW_S = 0.25
# The fewest frames to look at on each side (of very slow video), and the most (of very fast one).
_FEWEST, _MOST = 2, 15
# Frames further apart than this say nothing about how much the picture usually changes.
_NEIGHBOUR_S = 0.75

# Mean change of the small pictures, in grey levels, below which nothing is a cut; how many times
# a cut exceeds the usual and the largest change around it; how like the old picture a later one
# must be (as a part of the change) for the change to be a flash; which part of the change must
# remain when the old picture is shifted and brightened to match. On 40 cuts between real clips
# the values were at least 24, 2.8, 1.9, 0.94 and 0.54; on jolts, pans, flashes and lights the
# change was too regular, too small, or came back (0.31 or less), or was explained (to 0.41, a
# very fast pan to 0.51).
_LEAST_CHANGE = 7.0
_STANDS_OUT = 2.5
_EXCEEDS = 1.5
_COMES_BACK = 0.5
_UNEXPLAINED = 0.5
# A shift may explain a part of a large change by chance, as between two drawn landscapes of unlike
# colours: when this much change remains, in grey levels, it is a cut all the same.
_MUCH_REMAINS = 12.0
# A change without neighbours (slide shows) must be this large.
_LONE_CHANGE = 20.0
# Shifts up to this part of the picture are tried.
_LARGEST_SHIFT = 0.2

_NO_COLOUR = 128.0
_BLACK_LEVEL = 26.0
_BLACK_SPREAD = 6.0
_SHORTEST_BLACK_S = 0.1


@dataclass(frozen=True)
class ShotFrame:
    """A frame, and whether a new shot begins with it."""

    frame: Frame
    starts_shot: bool


class ShotDetector:
    """Marks the first frame of each shot; gives frames back about a quarter of a second late."""

    def __init__(self, *, threshold: float) -> None:
        self._threshold = threshold
        self._frames: deque[Frame] = deque()
        self._changes: deque[float] = deque()
        self._at = 0
        self._black_since_s: float | None = None
        self._picture_seen = False

    def mark(self, frames: Iterable[Frame]) -> Iterator[ShotFrame]:
        """The same frames in the same order, each with whether it starts a shot."""
        for frame in frames:
            self._append(frame)
            while self._at < len(self._frames) and self._looked_far_enough():
                yield self._decide()
        while self._at < len(self._frames):
            yield self._decide()

    def _append(self, frame: Frame) -> None:
        change = _difference(self._frames[-1], frame) if self._frames else 0.0
        self._frames.append(frame)
        self._changes.append(change)

    def _looked_far_enough(self) -> bool:
        ahead = len(self._frames) - 1 - self._at
        ahead_s = self._frames[-1].time_s - self._frames[self._at].time_s
        return ahead >= _MOST or (ahead >= _FEWEST and ahead_s >= _WINDOW_S)

    def _decide(self) -> ShotFrame:
        frame = self._frames[self._at]
        after_black = self._follow_black(frame)
        starts = after_black or self._is_cut()
        self._at += 1
        self._forget()
        return ShotFrame(frame=frame, starts_shot=starts)

    def _forget(self) -> None:
        while self._at > _MOST or (
            self._at > _FEWEST
            and self._frames[self._at - 1].time_s - self._frames[0].time_s > _WINDOW_S
        ):
            self._frames.popleft()
            self._changes.popleft()
            self._at -= 1

    def _is_cut(self) -> bool:
        change = self._changes[self._at]
        if change < _LEAST_CHANGE * self._threshold or not self._stands_out(change):
            return False
        return not self._comes_back(change) and not self._is_explained()

    def _stands_out(self, change: float) -> bool:
        near = [i for i in range(1, len(self._changes)) if i != self._at and self._is_near(i)]
        if not near:
            return change >= _LONE_CHANGE * self._threshold
        before = [self._changes[i] for i in near if i < self._at]
        after = [self._changes[i] for i in near if i > self._at]
        # A blended picture spreads a cut over two changes: the larger one, or the first, is it.
        if not after or change < after[0] or (before and change <= before[-1]):
            return False
        if any(change < _EXCEEDS * other for other in [*before[:-1], *after[1:]]):
            return False
        return change >= _STANDS_OUT * self._threshold * max(_median(before), _median(after))

    def _is_near(self, index: int) -> bool:
        return (
            abs(self._frames[index].time_s - self._frames[self._at].time_s) <= _NEIGHBOUR_S
            and self._frames[index].time_s - self._frames[index - 1].time_s <= _NEIGHBOUR_S
        )

    def _comes_back(self, change: float) -> bool:
        last, first = self._frames[self._at - 1], self._frames[self._at]
        alike = _COMES_BACK * change
        later = (self._frames[i] for i in range(self._at + 1, len(self._frames)))
        earlier = (self._frames[i] for i in range(self._at - 1))
        return any(_difference(last, frame) < alike for frame in later) or any(
            _difference(frame, first) < alike for frame in earlier
        )

    def _is_explained(self) -> bool:
        last = self._frames[self._at - 1]
        next_one = self._frames[min(self._at + 1, len(self._frames) - 1)]
        change = max(_difference(last, next_one), 1e-6)
        return _unexplained(last.look, next_one.look) < min(_UNEXPLAINED * change, _MUCH_REMAINS)

    def _follow_black(self, frame: Frame) -> bool:
        """Whether this is the first picture after a stretch of black that followed a picture."""
        if _is_black(frame):
            if self._black_since_s is None:
                self._black_since_s = frame.time_s
            return False
        since_s, self._black_since_s = self._black_since_s, None
        first_picture, self._picture_seen = not self._picture_seen, True
        if since_s is None or first_picture:
            return False
        return frame.time_s - since_s >= _SHORTEST_BLACK_S


def _difference(one: Frame, other: Frame) -> float:
    return float(np.abs(one.look - other.look).mean())


def _unexplained(old: np.ndarray, new: np.ndarray) -> float:
    """What remains of the mean difference when ``old`` is shifted and brightened to fit ``new``."""
    old, new = _halved(old), _halved(new)
    rows, columns = old.shape[1:]
    up, left = int(rows * _LARGEST_SHIFT), int(columns * _LARGEST_SHIFT)
    return min(
        _brightened_difference(_shifted(old, down, right), _shifted(new, -down, -right))
        for down in range(-up, up + 1)
        for right in range(-left, left + 1)
    )


def _halved(look: np.ndarray) -> np.ndarray:
    rows, columns = (side // 2 * 2 for side in look.shape[1:])
    if min(rows, columns) < 2:
        return look
    even = look[:, :rows, :columns]
    return even.reshape(3, rows // 2, 2, columns // 2, 2).mean(axis=(2, 4))


def _shifted(look: np.ndarray, down: int, right: int) -> np.ndarray:
    """The part of the picture that remains in view when it moves."""
    rows, columns = look.shape[1:]
    return look[:, max(0, -down) : rows - max(0, down), max(0, -right) : columns - max(0, right)]


def _brightened_difference(old: np.ndarray, new: np.ndarray) -> float:
    """Mean difference once ``old`` is lit like ``new``: light and colours grow together."""
    old_light, new_light = old[0] - old[0].mean(), new[0] - new[0].mean()
    gain = (old_light * new_light).mean() / max(1.0, (old_light**2).mean())
    gain = min(2.0, max(0.5, gain))
    light = np.abs(new_light - gain * old_light).mean()
    colours = np.abs((new[1:] - _NO_COLOUR) - gain * (old[1:] - _NO_COLOUR)).mean()
    return float((light + 2 * colours) / 3)


def _median(values: list[float]) -> float:
    return float(np.median(values)) if values else 0.0


def _is_black(frame: Frame) -> bool:
    brightness = frame.look[0]
    return bool(brightness.mean() < _BLACK_LEVEL) and bool(brightness.std() < _BLACK_SPREAD)
