"""From a segment or a picture to what is drawn: pixels, motion, words, and the subject's mask."""

import contextlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from indexer.keyframes import KEYFRAME_SIDE, ensure_keyframe
from indexer.reading.errors import READ, DecodeFailed
from indexer.reading.sampling import Sampling
from indexer.reading.settings import IndexSettings
from indexer.reading.worker import DecodeWorker
from models.errors import KinodexError
from search.catalog.places import SegmentPlace
from search.catalog.store import Store
from search.queries.pictures import PictureUnreadable, open_picture
from search.tags.reading import tags_of
from search.wording import why_unwritten
from sketch.canvas import Target, on_canvas, visible_box
from sketch.strokes import CANVAS
from sketch.subject.choosing import best_to_draw
from sketch.subject.framing import framed
from sketch.subject.motion import motion_map, small_frames
from tasks.sketches.maker import SketchMaker

# How many frames a second tell what moves, and how far before and after the picture.
MOTION_RATE = 3.0
MOTION_REACH_S = 1.0
# The longest segment of the usual settings, eight times a second.
_MOST_FRAMES = 97
# The short side of a picture of which a part may be drawn: a subject half as large as a keyframe
# still fills the canvas without being blurred.
_SHARP_SIDE = 2 * KEYFRAME_SIDE
# A frame this near to the keyframe is the keyframe.
_SAME_S = 0.02


class KeyframeUnreadable(KinodexError):
    """A segment has no keyframe any more."""


@dataclass(frozen=True)
class Subject:
    """A picture with what is known of its subject.

    picture: uint8 RGB (height, width, 3)
    frames: uint8 RGB (count, height, width, 3), around the picture in time; None without a video
    at: which of the frames is nearest to the picture
    words: what the subject is or does
    frame_s: when in its video the picture is seen; None for a segment's keyframe
    """

    picture: np.ndarray
    frames: np.ndarray | None = None
    at: int = 0
    words: tuple[str, ...] = ()
    frame_s: float | None = None


@dataclass(frozen=True)
class SegmentClip:
    """Frames of a segment, evenly spaced.

    frames: uint8 RGB (count, height, width, 3)
    times_s: (count,)
    at: which of them was asked for
    """

    frames: np.ndarray
    times_s: np.ndarray
    at: int


@dataclass(frozen=True)
class KeyframeReader:
    """Reads segments' keyframes and what is known of them. Not to be shared between threads.

    settings: of reading videos
    with_evidence: whether motion and tags are wanted too
    """

    library: Store
    worker: DecodeWorker
    settings: IndexSettings
    with_evidence: bool

    def read(self, place: SegmentPlace) -> Subject:
        """What is drawn of a segment, with frames around it where they can be had, and its tags.

        That is its keyframe, or a frame next to it that shows what moves clearly better.

        Raises KeyframeUnreadable.
        """
        picture = self.keyframe(place)
        if not self.with_evidence:
            return Subject(picture)
        words = self.words(place)
        try:
            clip = self.clip(
                place, rate=MOTION_RATE, reach_s=MOTION_REACH_S, short_side=_SHARP_SIDE
            )
        except DecodeFailed as failure:
            if failure.stage == READ:  # a sketch without motion would stand for good
                raise KeyframeUnreadable(f"its video failed: {failure.reason}") from failure
            return Subject(picture, words=words)  # the keyframe alone will do
        # The others are wanted in small: a batch of large ones would fill the memory.
        small = small_frames(clip.frames)
        best = best_to_draw(small, clip.at)
        frame_s = None if best == clip.at else float(clip.times_s[best])
        if frame_s is not None or abs(clip.times_s[best] - place.keyframe_s) < _SAME_S:
            picture = clip.frames[best].copy()
        return Subject(picture, small, best, words, frame_s)

    def drawn(self, place: SegmentPlace, frame_s: float | None) -> np.ndarray:
        """The picture of which a sketch was made, uint8 RGB (height, width, 3).

        frame_s: when it is seen; None for the keyframe, which also stands in for one that cannot
            be read

        Raises KeyframeUnreadable.
        """
        if frame_s is not None:
            with contextlib.suppress(DecodeFailed):
                clip = self.clip(place, rate=MOTION_RATE, around_s=frame_s, reach_s=0.0)
                return clip.frames[clip.at]
        return self.keyframe(place)

    def words(self, place: SegmentPlace) -> tuple[str, ...]:
        """A segment's tags."""
        with self.library.reading() as session:
            tags = tags_of(session, [place.segment_id])[place.segment_id]
        return tuple(tag.label for tag in tags)

    def clip(
        self,
        place: SegmentPlace,
        *,
        rate: float,
        around_s: float | None = None,
        reach_s: float = math.inf,
        short_side: int = KEYFRAME_SIDE,
    ) -> SegmentClip:
        """A segment's frame at a time with those before and after it, `rate` a second.

        around_s: that time; the keyframe's by default

        Raises DecodeFailed.
        """
        around_s = place.keyframe_s if around_s is None else around_s
        before = max(0, math.floor(min(reach_s, around_s - place.start_s) * rate))
        start_s = max(0.0, around_s - before / rate)
        # The last of the frames begins at the end of the reach.
        end_s = min(place.end_s, around_s + reach_s + 0.5 / rate)
        read = self.worker.clip_frames(
            place.path,
            start_s=start_s,
            end_s=max(end_s, start_s + 0.01),
            sampling=Sampling(frames=_MOST_FRAMES, rate=rate),
            short_side=short_side,
            settings=self.settings,
            length_s=place.video.duration_s,
        )
        at = int(np.abs(read.times_s - around_s).argmin())
        return SegmentClip(read.frames, read.times_s, at)

    def keyframe(self, place: SegmentPlace) -> np.ndarray:
        """A segment's keyframe, uint8 RGB (height, width, 3). Raises KeyframeUnreadable."""
        try:
            return self._open_keyframe(place)
        except PictureUnreadable:
            # The file is a copy, and damaged: the video has the picture still.
            self.library.keyframe_file(place.segment_id).unlink(missing_ok=True)
        try:
            return self._open_keyframe(place)
        except PictureUnreadable as error:
            raise KeyframeUnreadable(f"its keyframe cannot be read: {error}") from error

    def _open_keyframe(self, place: SegmentPlace) -> np.ndarray:
        try:
            file = ensure_keyframe(
                self.library, place.segment_id, settings=self.settings, worker=self.worker
            )
            content = file.read_bytes() if file else None
        except OSError as error:
            raise KeyframeUnreadable(
                f"its keyframe cannot be stored or read: {why_unwritten(error)}"
            ) from error
        if content is None:
            raise KeyframeUnreadable("its video is gone or cannot be read any more")
        return open_picture(content, name=f"the keyframe of segment {place.segment_id}")


@contextmanager
def keyframe_reader(library: Store, *, with_evidence: bool = False) -> Iterator[KeyframeReader]:
    """A reader with a worker of its own, by the library's settings."""
    with DecodeWorker() as worker:
        yield KeyframeReader(library, worker, library.settings(IndexSettings), with_evidence)


def make_targets(maker: SketchMaker, subjects: Sequence[Subject]) -> list[Target]:
    """What is drawn of each subject."""
    return [_target(maker, subject) for subject in subjects]


def _target(maker: SketchMaker, subject: Subject) -> Target:
    relevance = motion = None
    if maker.weighs_evidence and maker.reads_words:
        relevance = _relevance(maker, subject)
    if maker.weighs_evidence and subject.frames is not None and len(subject.frames) > 1:
        motion = motion_map(subject.frames, subject.at)
    return framed(subject.picture, motion=motion, relevance=relevance, method=maker.settings.mask)


def _relevance(maker: SketchMaker, subject: Subject) -> np.ndarray:
    """Where in a picture the model sees what its words say, (height, width), 0 to 1.

    Without words, and for a model to which those of actions mean little, where it looks by itself.
    """
    tower = maker.tower
    canvas, placed = on_canvas(subject.picture)
    batch = torch.from_numpy(canvas).permute(2, 0, 1)[None].to(maker.backbone.device)
    if tower.size != CANVAS:
        batch = torch.nn.functional.interpolate(
            batch, size=(tower.size, tower.size), mode="bilinear", antialias=True
        )
    if subject.words and maker.backbone.knows_actions:
        words = maker.backbone.embed_texts(list(subject.words))
        text = torch.nn.functional.normalize(words, dim=1).mean(dim=0)
        seen = tower.relevance(batch, text.to(maker.backbone.device))[0]
    else:
        seen = tower.attention(batch)[0]
        seen = seen / seen.max().clamp_min(1e-12)
    fine = cv2.resize(seen.float().cpu().numpy(), (CANVAS, CANVAS), interpolation=cv2.INTER_LINEAR)
    left, top, right, bottom = visible_box(placed)
    return np.clip(fine[top:bottom, left:right], 0, 1)
