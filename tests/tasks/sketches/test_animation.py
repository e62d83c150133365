"""Which frames of a segment strokes are drawn in, and which way they are followed."""

import threading
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from indexer.reading.errors import DecodeFailed
from models.errors import KinodexError
from search.catalog.sketches import StoredAnimation
from sketch.strokes import Drawing, Placed, Strokes
from tasks.sketches import animation
from tasks.sketches.animation import animate
from tasks.sketches.targets import SegmentClip, Subject
from tests.tasks.sketches.drawings import place, sketch

TWICE_AS_LARGE = Placed(-100.0, -50.0, 448.0, 448.0)


@dataclass
class Followed:
    """One way through the frames: the numbers of the targets, of the frames, and the keyframes."""

    targets: list[int]
    frames: list[int]
    keyframes: list[int]
    seed: int


class Segment:
    """A segment of so many frames, each of which is its number, and what is done with it."""

    def __init__(self, frames: int, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.subjects: list[Subject] = []
        self.ways: list[Followed] = []
        self.rates: list[float] = []
        self.around_s: list[float | None] = []
        numbers = np.arange(frames, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
        self._clip = SegmentClip(numbers, np.arange(frames) / 8, at)
        monkeypatch.setattr(animation, "make_targets", self._make_targets)
        monkeypatch.setattr(animation, "placed_alike", self._placed_alike)
        monkeypatch.setattr(animation, "animate_keyframes", self._follow)

    def animate(
        self, *, stopped: bool = False, frame_s: float | None = None
    ) -> StoredAnimation | None:
        stop = threading.Event()
        if stopped:
            stop.set()
        maker: Any = SimpleNamespace(artist=None, settings=SimpleNamespace(seed=5))
        reader: Any = self
        return animate(maker, reader, place(), sketch(), frame_s=frame_s, stop=stop)

    def clip(self, _place: object, *, rate: float, around_s: float | None) -> SegmentClip:
        self.rates.append(rate)
        self.around_s.append(around_s)
        return self._clip

    def words(self, _place: object) -> tuple[str, ...]:
        return ("running",)

    def _make_targets(self, _maker: object, subjects: list[Subject]) -> list[Any]:
        self.subjects = subjects
        return [SimpleNamespace(number=int(one.picture.flat[0])) for one in subjects]

    def _placed_alike(self, targets: list[Any], pictures: list[np.ndarray]) -> list[Any]:
        numbers = [int(picture.flat[0]) for picture in pictures]
        assert [one.number for one in targets] == numbers
        return [SimpleNamespace(number=one, placed=TWICE_AS_LARGE) for one in numbers]

    def _follow(
        self, _artist: object, targets: list[Any], frames: np.ndarray, first: Drawing, **how: Any
    ) -> list[Strokes]:
        self.first = first.sketch
        numbers, keys = frames[:, 0, 0, 0].tolist(), [one.number for one in targets]
        self.ways.append(Followed(keys, numbers, how["keyframes"], how["seed"]))
        return [Strokes.plain(np.full((1, 4, 2), number)) for number in keys]


def test_strokes_are_followed_from_the_keyframe_to_the_end_and_back_to_the_beginning(monkeypatch):
    segment = Segment(20, 9, monkeypatch)
    made = segment.animate()
    assert segment.rates == [8.0]
    earlier, later = segment.ways
    assert earlier == Followed([9, 7, 5, 3, 1], [9, 8, 7, 6, 5, 4, 3, 2, 1], [0, 2, 4, 6, 8], 5)
    assert later == Followed([9, 11, 13, 15, 17, 19], list(range(9, 20)), [0, 2, 4, 6, 8, 10], 5)
    assert made.times_s.tolist() == [number / 8 for number in range(1, 20, 2)]
    assert made.points[:, 0, 0, 0].tolist() == list(range(1, 20, 2))


def test_strokes_are_followed_from_the_picture_that_was_drawn(monkeypatch):
    segment = Segment(9, 4, monkeypatch)
    segment.animate()
    segment.animate(frame_s=12.6)
    assert segment.around_s == [None, 12.6]


@pytest.mark.parametrize(("frames", "step"), [(48, 2), (49, 3), (72, 3), (73, 4), (96, 4), (97, 5)])
def test_in_long_segments_about_twenty_frames_are_corrected(monkeypatch, frames, step):
    segment = Segment(frames, 0, monkeypatch)
    segment.animate()
    [later] = segment.ways
    assert later.targets == list(range(0, frames, step))


def test_a_keyframe_at_an_end_is_followed_one_way(monkeypatch):
    segment = Segment(9, 8, monkeypatch)
    segment.animate()
    assert [way.targets for way in segment.ways] == [[8, 6, 4, 2, 0]]


def test_frames_tell_what_moves_three_times_a_second_up_to_a_second_away(monkeypatch):
    segment = Segment(40, 20, monkeypatch)
    segment.animate()
    middle = next(one for one in segment.subjects if one.picture.flat[0] == 20)
    assert middle.frames[:, 0, 0, 0].tolist() == [11, 14, 17, 20, 23, 26, 29]
    assert (middle.at, middle.words) == (3, ("running",))
    first = segment.subjects[0]
    assert (first.frames[:, 0, 0, 0].tolist(), first.at) == ([0, 3, 6, 9], 0)


def test_the_sketch_lies_where_all_frames_are_placed(monkeypatch):
    segment = Segment(9, 0, monkeypatch)
    segment.animate()
    still = sketch()
    zoom = 448 / still.placed.width
    moved = zoom * (still.strokes.points - (still.placed.left, still.placed.top)) - (100, 50)
    assert segment.first.placed == TWICE_AS_LARGE
    assert segment.first.strokes.points == pytest.approx(moved)


def test_one_picture_does_not_move(monkeypatch):
    with pytest.raises(KinodexError, match="segment 7 is too short to move"):
        Segment(2, 0, monkeypatch).animate()
    assert Segment(3, 0, monkeypatch).animate() is not None


def test_a_stopped_run_gives_nothing(monkeypatch):
    segment = Segment(9, 4, monkeypatch)
    assert segment.animate(stopped=True) is None
    assert segment.ways == []


def test_a_video_that_cannot_be_read_is_told(monkeypatch):
    segment = Segment(9, 4, monkeypatch)

    def clip(_place: object, *, rate: float, around_s: float | None) -> SegmentClip:
        raise DecodeFailed("decode", "it is damaged")

    monkeypatch.setattr(segment, "clip", clip)
    with pytest.raises(KinodexError, match="segment 7 cannot be animated: it is damaged"):
        segment.animate()
