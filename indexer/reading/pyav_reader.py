"""Frames by PyAV: packet by packet, so that damage costs no more than the damaged pictures."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np

from indexer.reading.frames import decoded_size
from indexer.reading.pictures.colours import Colours
from indexer.reading.pictures.converting import Converter
from indexer.reading.probe import VideoInfo, describe, first_picture, too_long
from indexer.reading.settings import IndexSettings
from indexer.reading.streams import OpenStream, open_video, timeline_start_s

# Time stamps are stored rounded.
_SAME_TIME_S = 0.001
_FURTHER_BACK_S = 10.0
# Ends that differ by less are a matter of rounding, not of damage.
_CUT_OFF_S = 0.5
# AVI stores times in decoding order; this is how many pictures may wait to be put in order.
_REORDERED = 4


class PyAVFrame:
    """A picture still in the decoder's own form."""

    def __init__(self, picture: Any, time_s: float, converter: Converter) -> None:
        self.time_s = time_s
        self._picture = picture
        self._converter = converter

    @cached_property
    def look(self) -> np.ndarray:
        return self._converter.look(self._picture)

    def pixels(self) -> np.ndarray:
        return self._converter.pixels(self._picture)


class PyAVReader:
    """One pass over the frames of a file; opened and closed by its context manager.

    length_s: when its last picture ends, if that is known (see `open_video`)

    Raises, on entering: DecodeFailed, if it is not a video that may be indexed.
    """

    info: VideoInfo

    def __init__(
        self, path: Path, *, short_side: int, settings: IndexSettings, length_s: float | None = None
    ) -> None:
        self._path = path
        self._short_side = short_side
        self._settings = settings
        self._length_s = length_s
        self._open_files = ExitStack()
        self._end_s = 0.0

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            file = open_video(self._path, self._settings, length_s=self._length_s)
            self._video = opening.enter_context(file)
            self._first = first_picture(self._video)
            self.info = describe(self._video, self._first, self._settings)
            size = decoded_size(self.info, self._short_side)
            self._converter = Converter(size, self.info.rotation)
            self._open_files = opening.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._open_files.close()

    @property
    def rate(self) -> float | None:
        """Frames a second as the file says, on average; None where it does not."""
        return self.info.average_rate

    @property
    def bad_frames(self) -> int:
        """Damaged frames met so far; at the end also those that are missing."""
        return self._video.bad_frames

    @property
    def end_s(self) -> float:
        """When the last frame given so far goes off the screen."""
        return self._end_s

    @property
    def video(self) -> OpenStream:
        """The open file."""
        return self._video

    @property
    def has_plain_colours(self) -> bool:
        """Whether its pictures have colours that a screen shows as they are."""
        return Colours.of(self._first) is None

    @property
    def first_s(self) -> float:
        """Presentation time of the first frame that can be decoded."""
        return (self._first.time or 0.0) - self._start_s()

    def frames(self) -> Iterator[PyAVFrame]:
        """The frames, with rising times; damaged ones are left out and counted.

        Raises:
            DecodeFailed: a limit was passed.
        """
        return self._frames(chain([self._first], self._video.pictures()))

    def frames_after(self, time_s: float) -> Iterator[PyAVFrame]:
        """What `frames` gives later than ``time_s``; only damage after that is counted.

        Raises:
            DecodeFailed: a limit was passed.
        """
        self._end_s = time_s
        after_s = time_s + _SAME_TIME_S
        wanted_s = time_s + self._start_s()
        if self.first_s <= time_s:  # what was damaged before the first picture is earlier still
            self._video.bad_frames = 0
        self._video.wind_to(wanted_s, counted_from_s=wanted_s + _SAME_TIME_S)
        return self._frames(self._video.pictures(), after_s=after_s)

    def _frames(
        self, pictures: Iterator[Any], *, after_s: float = -math.inf
    ) -> Iterator[PyAVFrame]:
        for picture, time_s in _rising(self._timed(pictures), start_s=self._start_s()):
            if time_s <= after_s:
                continue
            self._end_s = time_s + self._shown_for_s(picture)
            if self._end_s > self._settings.max_hours * 3600:
                raise too_long(self._end_s, self._settings)
            yield PyAVFrame(picture, time_s, self._converter)
        self._video.bad_frames += self.missing_frames(self._end_s)

    def picture_at(self, time_s: float) -> np.ndarray:
        """Pixels of the frame that is on the screen at ``time_s``, found by seeking.

        Raises:
            DecodeFailed: no frame can be decoded.
        """
        shown = self._first
        for picture, picture_s in self.pictures_from(time_s):
            if picture_s > time_s + _SAME_TIME_S:
                break
            shown = picture
        return self._converter.pixels(shown)

    def pictures_from(self, time_s: float) -> Iterator[tuple[Any, float]]:
        """Pictures in the decoder's own form, with their times, found by seeking.

        They begin at or before the one on the screen at ``time_s``, if it can be decoded.
        """
        wanted_s = time_s + self._start_s()
        self._video.wind_to(wanted_s)
        begin, timed = self._begun()
        if self._video.leads_by_time and (begin is None or begin[1] > wanted_s + _SAME_TIME_S):
            # Winding is inexact in some containers: if it went too far, begin earlier.
            self._video.wind_to(wanted_s - _FURTHER_BACK_S)
            begin, timed = self._begun()
            if begin is None or begin[1] > wanted_s + _SAME_TIME_S:
                self._video.rewind()
                begin, timed = self._begun()
        for picture, picture_s in chain([begin] if begin else [], timed):
            yield picture, picture_s - self._start_s()

    def _begun(self) -> tuple[tuple[Any, float] | None, Iterator[tuple[Any, float]]]:
        timed = self._timed(self._video.pictures())
        return next(timed, None), timed

    def _timed(self, pictures: Iterator[Any]) -> Iterator[tuple[Any, float]]:
        timed = _with_times(pictures, usual_s=self._usual_s())
        return _in_order(timed) if self.info.container == "avi" else timed

    def _start_s(self) -> float:
        # AVI has no presentation times: its first picture is the beginning.
        if self.info.container == "avi":
            return self._first.time or 0.0
        return timeline_start_s(self._video.container)

    def missing_frames(self, end_s: float) -> int:
        """How many frames the file announces after ``end_s``, its real end: it was cut off."""
        stream = self._video.stream
        if self.info.container != "mp4" or not stream.duration:
            return 0
        begins_s = (stream.start_time or 0) * stream.time_base - self._start_s()
        missing_s = float(begins_s + stream.duration * stream.time_base) - end_s
        return round(missing_s / self._usual_s()) if missing_s > _CUT_OFF_S else 0

    def _usual_s(self) -> float:
        return 1 / self.info.average_rate if self.info.average_rate else 1 / 25

    def _shown_for_s(self, picture: Any) -> float:
        if picture.duration and picture.time_base and self.info.container != "avi":
            return float(picture.duration * picture.time_base)
        return self._usual_s()


def _with_times(pictures: Iterator[Any], *, usual_s: float) -> Iterator[tuple[Any, float]]:
    time_s = -usual_s
    for picture in pictures:
        time_s = picture.time if picture.time is not None else time_s + usual_s
        yield picture, time_s


def _in_order(timed: Iterator[tuple[Any, float]]) -> Iterator[tuple[Any, float]]:
    """The same pictures, which are in order, with the same times, put in order."""
    waiting: deque[Any] = deque()
    times: list[float] = []
    for picture, time_s in timed:
        waiting.append(picture)
        heapq.heappush(times, time_s)
        if len(waiting) > _REORDERED:
            yield waiting.popleft(), heapq.heappop(times)
    while waiting:
        yield waiting.popleft(), heapq.heappop(times)


def _rising(timed: Iterator[tuple[Any, float]], *, start_s: float) -> Iterator[tuple[Any, float]]:
    """Times from the start of the timeline; a single picture that is late is left out."""
    last_s = -math.inf
    for picture, time_stamp_s in timed:
        time_s = max(0.0, time_stamp_s - start_s)
        if time_s > last_s:
            last_s = time_s
            yield picture, time_s
