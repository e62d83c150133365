"""From a segment or a picture to what is drawn: pixels, motion, words, and the subject's mask."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from indexer.clip_frames import Sampling
from indexer.errors import DecodeFailed
from indexer.keyframes import KEYFRAME_SIDE, ensure_keyframe
from indexer.settings import IndexSettings
from indexer.worker import DecodeWorker
from models.errors import KinodexError
from search.library import Library
from search.sketches import SegmentPlace
from sketch.mask import motion_map, subject_mask
from sketch.pictures import PictureUnreadable, on_canvas, open_picture
from sketch.strokes import CANVAS, Placed
from sketch.target import Target
from ui.sketch_maker import SketchMaker

# Frames before and after the keyframe that tell what moves, and how many of them a second.
_FRAMES_EACH_SIDE = 3
MOTION_RATE = 3.0


class KeyframeUnreadable(KinodexError):
    """A segment has no keyframe any more."""


@dataclass(frozen=True)
class Subject:
    """A picture with what is known of its subject.

    picture: uint8 RGB (height, width, 3)
    frames: uint8 RGB (count, height, width, 3), around the picture in time; None without a video
    at: which of the frames is nearest to the picture
    words: what the subject is or does
    """

    picture: np.ndarray
    frames: np.ndarray | None = None
    at: int = 0
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeyframeReader:
    """Reads segments' keyframes and what lies around them. Not to be shared between threads."""

    library: Library
    worker: DecodeWorker
    settings: IndexSettings
    with_motion: bool

    def read(self, place: SegmentPlace) -> Subject:
        """A segment's keyframe, with frames around it where they can be had.

        Raises KeyframeUnreadable.
        """
        picture = self._keyframe(place)
        if not self.with_motion:
            return Subject(picture)
        return self._with_frames(Subject(picture), place)

    def _keyframe(self, place: SegmentPlace) -> np.ndarray:
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
                f"its keyframe cannot be stored or read: {error.strerror}"
            ) from error
        if content is None:
            raise KeyframeUnreadable("its video is gone or cannot be read any more")
        return open_picture(content, name=f"the keyframe of segment {place.segment_id}")

    def _with_frames(self, subject: Subject, place: SegmentPlace) -> Subject:
        steps = math.floor((place.keyframe_s - place.start_s) * MOTION_RATE)
        start_s = place.keyframe_s - min(_FRAMES_EACH_SIDE, max(0, steps)) / MOTION_RATE
        end_s = min(place.end_s, place.keyframe_s + (_FRAMES_EACH_SIDE + 0.5) / MOTION_RATE)
        try:
            clip = self.worker.clip_frames(
                place.path,
                start_s=start_s,
                end_s=max(end_s, start_s + 0.01),
                sampling=Sampling(frames=2 * _FRAMES_EACH_SIDE + 1, rate=MOTION_RATE),
                short_side=KEYFRAME_SIDE,
                settings=self.settings,
            )
        except DecodeFailed:  # the keyframe alone will do
            return subject
        nearest = int(np.abs(clip.times_s - place.keyframe_s).argmin())
        return replace(subject, frames=clip.frames, at=nearest)


def make_targets(maker: SketchMaker, subjects: Sequence[Subject]) -> list[Target]:
    """What is drawn of each subject."""
    return [_target(maker, subject) for subject in subjects]


def _target(maker: SketchMaker, subject: Subject) -> Target:
    picture, placed = on_canvas(subject.picture)
    method = maker.settings.mask
    if method == "none":
        return Target(picture, np.ones((CANVAS, CANVAS), np.float32), placed)
    relevance = _relevance(maker, picture, subject.words) if subject.words else None
    motion = None
    if subject.frames is not None and len(subject.frames) > 1:
        motion = _canvas_map(motion_map(subject.frames, subject.at), placed)
    mask = subject_mask(picture, placed, relevance=relevance, motion=motion, method=method)
    return Target(picture, mask, placed)


def _relevance(maker: SketchMaker, picture: np.ndarray, words: Sequence[str]) -> np.ndarray:
    """Where the model sees what the words say: (224, 224), 0 to 1."""
    texts = torch.nn.functional.normalize(maker.backbone.embed_texts(list(words)), dim=1)
    tower = maker.tower
    batch = torch.from_numpy(picture).permute(2, 0, 1)[None].to(maker.backbone.device)
    if tower.size != CANVAS:
        batch = torch.nn.functional.interpolate(
            batch, size=(tower.size, tower.size), mode="bilinear", antialias=True
        )
    seen = tower.relevance(batch, texts.mean(dim=0).to(maker.backbone.device))[0]
    return _resized(seen.float().cpu().numpy(), CANVAS, CANVAS)


def _canvas_map(values: np.ndarray, placed: Placed) -> np.ndarray:
    """A map of the picture (height, width) laid onto the canvas, 0 in the padding."""
    left, top = round(placed.left), round(placed.top)
    width = min(max(1, round(placed.width)), CANVAS - left)
    height = min(max(1, round(placed.height)), CANVAS - top)
    laid = np.zeros((CANVAS, CANVAS), np.float32)
    laid[top : top + height, left : left + width] = _resized(values, width, height)
    return laid


def _resized(values: np.ndarray, width: int, height: int) -> np.ndarray:
    resized = cv2.resize(values.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(resized, 0.0, 1.0)
