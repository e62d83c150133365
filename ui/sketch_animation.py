"""Animated sketches: the strokes of a segment's sketch, following what moves in it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexer.clip_frames import ClipFrames, Sampling
from indexer.errors import DecodeFailed
from indexer.keyframes import KEYFRAME_SIDE
from models.errors import KinodexError
from search.sketches import SegmentPlace, StoredAnimation
from sketch.strokes import Drawing, Sketch, Strokes
from sketch.target import Target
from sketch.tracking import animate_keyframes
from ui.sketch_maker import SketchMaker
from ui.sketch_records import animation_to_store
from ui.sketch_targets import MOTION_RATE, KeyframeReader, Subject, make_targets

# Strokes are followed through all frames, but corrected with the model in a few only.
_RATE = 8.0
_MOST_FRAMES = 97
_MOST_KEYFRAMES = 12
_FRAMES_A_KEYFRAME = 4


@dataclass(frozen=True)
class _Clip:
    """The frames of a segment; `at` is the one that its sketch depicts."""

    frames: np.ndarray
    times_s: np.ndarray
    at: int

    @property
    def step(self) -> int:
        """Frames from one keyframe to the next."""
        return max(_FRAMES_A_KEYFRAME, -(-len(self.frames) // _MOST_KEYFRAMES))

    def subject(self, number: int, words: tuple[str, ...]) -> Subject:
        """One of the frames, with those around it."""
        reach = max(1, round(_RATE / MOTION_RATE))
        steps = range(number % reach, len(self.frames), reach)
        around = [n for n in steps if abs(n - number) <= 3 * reach]
        return Subject(self.frames[number], self.frames[around], around.index(number), words)


def animate(
    maker: SketchMaker,
    reader: KeyframeReader,
    place: SegmentPlace,
    sketch: Sketch,
    words: tuple[str, ...],
    *,
    stop: threading.Event,
) -> StoredAnimation | None:
    """The sketch at several times of its segment; None if stopped.

    From the keyframe, strokes are followed to the end of the segment, and back to its beginning.

    Raises KinodexError when the video cannot be read, or nothing moves because it is one picture.
    """
    clip = _read(reader, place)
    later = list(range(clip.at, len(clip.frames), clip.step))
    earlier = list(range(clip.at, -1, -clip.step))
    found: dict[int, Strokes] = {}
    for numbers in (earlier, later):
        if stop.is_set():
            return None
        if len(numbers) > 1:
            found |= _followed(maker, clip, sketch, numbers, words)
    if len(found) < 2:
        raise KinodexError(f"segment {place.segment_id} is too short to move: leave --animated out")
    order = sorted(found)
    return animation_to_store([found[n] for n in order], clip.times_s[order])


def _read(reader: KeyframeReader, place: SegmentPlace) -> _Clip:
    before = int((place.keyframe_s - place.start_s) * _RATE)
    start_s = max(0.0, place.keyframe_s - before / _RATE)
    try:
        read: ClipFrames = reader.worker.clip_frames(
            place.path,
            start_s=start_s,
            end_s=max(place.end_s, start_s + 0.01),
            sampling=Sampling(frames=_MOST_FRAMES, rate=_RATE),
            short_side=KEYFRAME_SIDE,
            settings=reader.settings,
        )
    except DecodeFailed as error:
        raise KinodexError(
            f"segment {place.segment_id} cannot be animated: {error.reason}"
        ) from error
    nearest = int(np.abs(read.times_s - place.keyframe_s).argmin())
    return _Clip(read.frames, read.times_s, nearest)


def _followed(
    maker: SketchMaker,
    clip: _Clip,
    sketch: Sketch,
    numbers: Sequence[int],
    words: tuple[str, ...],
) -> dict[int, Strokes]:
    """The strokes in those of the frames, which go forwards or backwards in time."""
    targets: list[Target] = make_targets(maker, [clip.subject(n, words) for n in numbers])
    way = 1 if numbers[-1] > numbers[0] else -1
    frames = (
        clip.frames[numbers[0] : numbers[-1] + 1]
        if way > 0
        else clip.frames[numbers[-1] : numbers[0] + 1][::-1]
    )
    moved = animate_keyframes(
        maker.artist,
        targets,
        frames,
        Drawing(sketch),
        keyframes=[abs(n - numbers[0]) for n in numbers],
        seed=maker.settings.seed,
    )
    return dict(zip(numbers, moved, strict=True))
