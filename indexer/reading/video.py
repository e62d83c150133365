"""From a file to decoded segments: the whole of what happens to a video before the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from indexer.reading.frames import Frame, Reader
from indexer.reading.probe import VideoInfo
from indexer.reading.segments import FramedSpan, SegmentCutter
from indexer.reading.settings import IndexSettings
from indexer.reading.shots import ShotDetector
from indexer.reading.stills import choose_keyframe, encode_jpeg, unique_frames


@dataclass(frozen=True)
class DecodedSegment:
    """A span of one shot with the frames to encode.

    frame_times_s: presentation times of the F sampled frames, rising; shape: (F,), float64.
    unique_index: which of the N unique frames stands for each; shape: (F,), int64.
    frames: the unique frames; shape: (N, height, width, 3), uint8, RGB.
    keyframe_s, keyframe_jpeg: the picture that stands for the segment, and its time.
    """

    index: int
    start_s: float
    end_s: float
    frame_times_s: np.ndarray
    unique_index: np.ndarray
    frames: np.ndarray
    keyframe_s: float
    keyframe_jpeg: bytes

    def __repr__(self) -> str:
        return (
            f"DecodedSegment({self.index}, {self.start_s:.3f}-{self.end_s:.3f} s, "
            f"{len(self.frame_times_s)} frames, {self.frames.shape} unique)"
        )


@dataclass(frozen=True)
class DecodeSummary:
    """The end of a decoded video.

    ``frames_sampled`` counts all frames of its segments, duplicates included; ``bad_frames`` those
    of the file that were damaged or are missing; ``duration_s`` is the end of the last frame.
    """

    frames_sampled: int
    bad_frames: int
    duration_s: float


DecodeEvent = VideoInfo | DecodedSegment | DecodeSummary


def decode_video(
    path: Path,
    *,
    short_side: int,
    settings: IndexSettings,
    on_frame: Callable[[], None] = lambda: None,
) -> Iterator[DecodeEvent]:
    """What the file is, then its segments in order of time, then a summary.

    ``on_frame`` is called for each decoded frame, as a sign of life.

    Raises:
        DecodeFailed: the file cannot be decoded (not even in part), or passes a limit.
    """
    sampled = 0
    with open_reader(path, short_side=short_side, settings=settings) as reader:
        yield reader.info
        for segment in _segments(reader, settings, on_frame):
            decoded = _finish(segment, settings)
            sampled += len(decoded.frame_times_s)
            yield decoded
        yield DecodeSummary(
            frames_sampled=sampled, bad_frames=reader.bad_frames, duration_s=reader.end_s
        )


def thumbnail(
    path: Path,
    time_s: float,
    *,
    short_side: int,
    settings: IndexSettings,
    length_s: float | None = None,
) -> bytes:
    """The frame on the screen at ``time_s``, as a JPEG file.

    length_s: when the video's last picture ends, if that is known (see `open_video`)

    Raises:
        DecodeFailed: the file cannot be decoded, or passes a limit.
    """
    how: dict[str, Any] = {"short_side": short_side, "settings": settings, "length_s": length_s}
    with open_reader(path, **how) as reader:
        return encode_jpeg(reader.picture_at(time_s), quality=settings.keyframe_quality)


def _segments(
    reader: Reader, settings: IndexSettings, on_frame: Callable[[], None]
) -> Iterator[FramedSpan]:
    detector = ShotDetector(threshold=settings.shot_threshold)
    cutter = SegmentCutter(settings)
    yield from cutter.cut(detector.mark(_counted(reader.frames(), on_frame)))
    yield from cutter.finish(reader.end_s)


def _counted(frames: Iterable[Frame], on_frame: Callable[[], None]) -> Iterator[Frame]:
    for frame in frames:
        on_frame()
        yield frame


def _finish(segment: FramedSpan, settings: IndexSettings) -> DecodedSegment:
    pictures = [frame.convert() for frame in segment.frames]
    times_s = np.clip([frame.time_s for frame in segment.frames], segment.start_s, segment.end_s)
    if settings.skip_duplicates:
        kept, unique_index = unique_frames(pictures, threshold=settings.duplicate_threshold)
    else:
        kept, unique_index = list(range(len(pictures))), np.arange(len(pictures))
    weights = np.bincount(unique_index, minlength=len(kept))
    keyframe = kept[choose_keyframe([pictures[i] for i in kept], weights)]
    return DecodedSegment(
        index=segment.index,
        start_s=segment.start_s,
        end_s=segment.end_s,
        frame_times_s=times_s,
        unique_index=unique_index,
        frames=np.stack([pictures[position] for position in kept]),
        keyframe_s=float(times_s[keyframe]),
        keyframe_jpeg=encode_jpeg(pictures[keyframe], quality=settings.keyframe_quality),
    )


def open_reader(
    path: Path, *, short_side: int, settings: IndexSettings, length_s: float | None = None
) -> Reader:
    """The reader that ``settings.decoder`` names, to be entered; pixels by `decoded_size`."""
    # Imported here because decord is rarely wanted.
    if settings.decoder == "decord":
        from indexer.reading.decord_reader import DecordReader

        return DecordReader(path, short_side=short_side, settings=settings, length_s=length_s)
    from indexer.reading.pyav_reader import PyAVReader

    return PyAVReader(path, short_side=short_side, settings=settings, length_s=length_s)
