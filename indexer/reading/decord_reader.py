"""Frames by decord, for those files that it reads right; PyAV reads the others, and the damaged."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from indexer.reading.frames import Frame, decoded_size
from indexer.reading.probe import VideoInfo, too_long
from indexer.reading.pyav_reader import PyAVReader
from indexer.reading.settings import IndexSettings


@contextmanager
def _no_cuda_libraries() -> Iterator[None]:
    """Hide the package ``nvidia``.

    On import decord2 3.4 loads all libraries in it, which the decoding on the CPU does not need:
    900 MB, and more address space than a decoding process has.
    """
    known = sys.modules.get("nvidia")
    sys.modules["nvidia"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["nvidia"]
        if known is not None:
            sys.modules["nvidia"] = known


with _no_cuda_libraries():
    import decord

# Decord cannot be told which demuxer to use, and FFmpeg also goes by a file's name: a name that
# belongs to the container found in the file leaves no room for another guess. Some containers are
# left out because decord 3.4 gives wrong times or errors for them (AVI, MPEG-TS, MPEG-PS).
_ENDINGS = {"mp4": {".mp4", ".m4v", ".mov"}, "matroska": {".mkv", ".webm"}, "flv": {".flv"}}
# Their packets hold one shown picture each, and decord takes the times of packets for the frames'.
_CODECS = {"h264", "hevc", "vp9", "av1"}
# While decord waits for a picture it reads on, in the end the whole file into memory: a larger part
# than this of what the process may use is left to PyAV.
_MEMORY_FOR_FILE = 1 / 8
_GIB = 1024**3
_SAME_TIME_S = 0.002
# A part of all frames: decord then raises before it gives a copy for a frame that it has lost.
_NO_COPIES = 1e-9
_LOOK_ROWS = 36
_FAILURES = (
    decord.DECORDError,
    decord.DECORDLimitReachedError,
    RuntimeError,
    AssertionError,
    UnicodeEncodeError,  # names of files that are not UTF-8 cannot be told to it
)

# Brightness and two colours of ITU-R BT.601 in the narrow range, as videos store them.
_FROM_RGB = np.array(
    [[0.2568, 0.5041, 0.0979], [-0.1482, -0.2910, 0.4392], [0.4392, -0.3678, -0.0714]], np.float32
)
_LEVELS = np.array([16, 128, 128], np.float32)


class DecordFrame:
    """A picture that is already converted."""

    def __init__(self, pixels: np.ndarray, time_s: float) -> None:
        self.time_s = time_s
        self._pixels = pixels

    @cached_property
    def look(self) -> np.ndarray:
        # Made as PyAV's is, sampled and averaged two by two, but from colours and not from planes.
        height, width = self._pixels.shape[:2]
        step = max(1, min(height, width) // (2 * _LOOK_ROWS))
        sampled = self._pixels[step // 2 :: step, step // 2 :: step].astype(np.float32)
        rows, columns = sampled.shape[0] // 2, sampled.shape[1] // 2
        fours = sampled[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2, 3)
        colours = fours.mean(axis=(1, 3)) @ _FROM_RGB.T + _LEVELS
        return np.ascontiguousarray(colours.transpose(2, 0, 1))

    def pixels(self) -> np.ndarray:
        return self._pixels


class DecordReader:
    """One pass over the frames of a file; opened and closed by its context manager.

    Every file is first opened by PyAV, which checks it. Decord does not say which pictures are
    damaged: it gives them patched up, and they are not counted. Where it fails, PyAV goes on.

    Raises, on entering: DecodeFailed, if it is not a video that may be indexed.
    """

    info: VideoInfo

    def __init__(
        self, path: Path, *, short_side: int, settings: IndexSettings, length_s: float | None = None
    ) -> None:
        self._path = path
        self._short_side = short_side
        self._settings = settings
        self._pyav = PyAVReader(path, short_side=short_side, settings=settings, length_s=length_s)
        self._open_files = ExitStack()
        self._video: Any = None
        self._times_s: list[float] = []
        self._ends_s: list[float] = []
        self._end_s = 0.0
        self._missing_frames = 0

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self.info = opening.enter_context(self._pyav).info
            self._size = decoded_size(self.info, self._short_side)
            if self._is_for_decord():
                self._open()
            self._open_files = opening.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._video = None
        self._open_files.close()

    @property
    def by_decord(self) -> bool:
        """Whether decord reads the file, as far as it can."""
        return self._video is not None

    @property
    def bad_frames(self) -> int:
        """Damaged frames that PyAV met so far; at the end also those that are missing."""
        return self._pyav.bad_frames + self._missing_frames

    @property
    def end_s(self) -> float:
        """When the last frame given so far goes off the screen."""
        return max(self._end_s, self._pyav.end_s)

    def frames(self) -> Iterator[Frame]:
        """The frames, with rising times.

        Raises:
            DecodeFailed: a limit was passed.
        """
        given = 0
        for pixels in self._pictures():
            self._end_s = self._ends_s[given]
            if self._end_s > self._settings.max_hours * 3600:
                raise too_long(self._end_s, self._settings)
            yield DecordFrame(pixels, self._times_s[given])
            given += 1
        if given == 0:
            yield from self._pyav.frames()
        elif given < len(self._times_s):
            yield from self._rest(after_s=self._times_s[given - 1])
        else:
            self._missing_frames = self._pyav.missing_frames(self._end_s)

    def picture_at(self, time_s: float) -> np.ndarray:
        """Pixels of the frame that is on the screen at ``time_s``, found by seeking, by PyAV.

        Raises:
            DecodeFailed: no frame can be decoded.
        """
        return self._pyav.picture_at(time_s)

    def _is_for_decord(self) -> bool:
        info = self.info
        return (
            self._path.suffix.lower() in _ENDINGS.get(info.container, ())
            and info.codec in _CODECS
            and info.rotation == 0  # turned pictures come with a fourth channel
            and self._pyav.has_plain_colours  # others are not tone-mapped there
            and len(self._pyav.video.container.streams.video) == 1
            and self._pyav.bad_frames == 0
            and self._path.stat().st_size
            <= self._settings.decoder_memory_gb * _GIB * _MEMORY_FOR_FILE
        )

    def _open(self) -> None:
        """Open the file by decord, unless it fails or does not agree with PyAV about times."""
        decord.logging.set_level(decord.logging.QUIET)
        width, height = self._size
        try:
            video = decord.VideoReader(
                str(self._path.absolute()),
                width=width,
                height=height,
                num_threads=self._settings.decode_threads,
                fault_tol=_NO_COPIES,
            )
            spans_s = video.get_frame_timestamp(range(len(video))).astype(np.float64)
        except _FAILURES:
            return
        times_s, ends_s = (spans_s + self._pyav.first_s).T
        # Pictures that an edit list cuts off have times before the first, but never come.
        if abs(spans_s[0, 0]) > _SAME_TIME_S or not (np.diff(times_s) > 0).all():
            return
        self._times_s, self._ends_s = times_s.tolist(), np.maximum(times_s, ends_s).tolist()
        self._video = video

    def _pictures(self) -> Iterator[np.ndarray]:
        """The pictures in order, as far as decord gives them."""
        width, height = self._size
        for _ in self._times_s:
            try:
                pixels: np.ndarray = self._video.next().asnumpy()
            except (*_FAILURES, StopIteration):
                return
            if pixels.shape != (height, width, 3):
                return
            yield pixels

    def _rest(self, *, after_s: float) -> Iterator[Frame]:
        for frame in self._pyav.frames_after(after_s):
            # Small pictures made in two ways are not alike enough to be compared.
            yield DecordFrame(frame.pixels(), frame.time_s)
