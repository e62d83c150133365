"""Animated sketches: the strokes of a segment's sketch, following what moves in it."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from indexer.reading.errors import DecodeFailed
from models.errors import KinodexError
from search.catalog.places import SegmentPlace
from search.catalog.sketches import StoredAnimation
from sketch.canvas import Target
from sketch.motion.tracking import animate_keyframes
from sketch.strokes import Drawing, Sketch, Strokes
from sketch.subject.framing import placed_alike
from tasks.sketches.maker import SketchMaker
from tasks.sketches.records import animation_to_store
from tasks.sketches.targets import (
    MOTION_RATE,
    MOTION_REACH_S,
    KeyframeReader,
    SegmentClip,
    Subject,
    make_targets,
)

# Strokes are followed through all frames, but corrected with the model in a few only.
_RATE = 8.0
_MOST_KEYFRAMES = 24
_FRAMES_A_KEYFRAME = 2


def animate(
    maker: SketchMaker,
    reader: KeyframeReader,
    place: SegmentPlace,
    sketch: Sketch,
    *,
    frame_s: float | None = None,
    stop: threading.Event,
) -> StoredAnimation | None:
    """The sketch at several times of its segment; None if stopped.

    From the picture that was drawn, strokes are followed to the end of the segment, and back to its
    beginning.
    frame_s: when that picture is seen; None for the keyframe

    Raises KinodexError when the video cannot be read, or nothing moves because it is one picture.
    """
    clip = _read(reader, place, frame_s)
    step = max(_FRAMES_A_KEYFRAME, -(-len(clip.frames) // _MOST_KEYFRAMES))
    later = range(clip.at, len(clip.frames), step)
    earlier = range(clip.at, -1, -step)
    order = sorted({*earlier, *later})
    if len(order) < 2:
        raise KinodexError(f"segment {place.segment_id} is too short to move: leave --animated out")
    words = reader.words(place)
    subjects = [_subject(clip, number, words) for number in order]
    made = placed_alike(make_targets(maker, subjects), [one.picture for one in subjects])
    targets = dict(zip(order, made, strict=True))
    strokes = sketch.strokes.moved(sketch.placed, made[0].placed)
    sketch = replace(sketch, strokes=strokes, placed=made[0].placed)
    found: dict[int, Strokes] = {}
    for numbers in (earlier, later):
        if stop.is_set():
            return None
        if len(numbers) > 1:
            found |= _followed(maker, clip, sketch, numbers, targets)
    return animation_to_store([found[number] for number in order], clip.times_s[order])


def _read(reader: KeyframeReader, place: SegmentPlace, frame_s: float | None) -> SegmentClip:
    try:
        return reader.clip(place, rate=_RATE, around_s=frame_s)
    except DecodeFailed as error:
        raise KinodexError(
            f"segment {place.segment_id} cannot be animated: {error.reason}"
        ) from error


def _subject(clip: SegmentClip, number: int, words: tuple[str, ...]) -> Subject:
    """One of the frames, with as many of those around it as tell what moves in a keyframe."""
    step = round(_RATE / MOTION_RATE)
    reach = step * round(MOTION_REACH_S * MOTION_RATE)
    around = [n for n in range(number % step, len(clip.frames), step) if abs(n - number) <= reach]
    return Subject(clip.frames[number], clip.frames[around], around.index(number), words)


def _followed(
    maker: SketchMaker,
    clip: SegmentClip,
    sketch: Sketch,
    numbers: Sequence[int],
    targets: Mapping[int, Target],
) -> dict[int, Strokes]:
    """The strokes in those of the frames, which go forwards or backwards in time."""
    first, last = numbers[0], numbers[-1]
    frames = clip.frames[first : last + 1] if last > first else clip.frames[last : first + 1][::-1]
    moved = animate_keyframes(
        maker.artist,
        [targets[number] for number in numbers],
        frames,
        Drawing(sketch),
        keyframes=[abs(number - first) for number in numbers],
        seed=maker.settings.seed,
    )
    return dict(zip(numbers, moved, strict=True))
