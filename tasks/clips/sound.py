"""The sound of a part of a video, decoded and laid on the clip's own clock."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np

from indexer.reading.streams import OpenStream, timeline_start_s

SOUND_RATE = 48_000
# Rounded times are no gaps: sound that is nearer than this to its place follows without a seam.
_SEAM_S = 0.02
# Decoders need a little of what was before; where the file is wound to, the first packet may be
# a fragment.
_LEAD_S = 1.0
_BLOCK = SOUND_RATE


def sound_of(video: OpenStream) -> Any:
    """The stream of sound that a clip keeps; None when the video has none."""
    return next(iter(video.container.streams.audio), None)


class PartSound:
    """What is heard from ``start_s`` to ``end_s``, in seconds from the start of the timeline."""

    def __init__(self, video: OpenStream, start_s: float, end_s: float) -> None:
        self._video = video
        self._start_s = start_s
        self._length_s = end_s - start_s
        self._stream = sound_of(video)
        context = self._stream.codec_context if self._stream is not None else None
        self._form = context.codec.canonical_name if context is not None else "an unknown form"
        self._heard = self._failed = False

    @property
    def lost(self) -> str | None:
        """What a clip of this part lacks, in a sentence, once `blocks` has been read; or None."""
        if self._stream is None or not self._failed:
            return None
        if self._heard:
            return "part of the sound is missing: it is damaged"
        return f"the sound is missing: it cannot be decoded ({self._form})"

    def blocks(self) -> Iterator[Any]:
        """PyAV audio frames, stereo at `SOUND_RATE`, one after the other from the clip's start.

        Silence fills what nothing is heard of; none come where there is nothing to hear at all.
        """
        at = 0
        for samples in _laid(self._decoded(), round(self._length_s * SOUND_RATE)):
            block = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
            block.sample_rate, block.time_base = SOUND_RATE, Fraction(1, SOUND_RATE)
            block.pts = at
            at += samples.shape[1]
            yield block

    def _decoded(self) -> Iterator[tuple[float, np.ndarray]]:
        """Samples, shape (2, n), float32, with the clip's time at which they begin."""
        if self._stream is None:
            return
        if self._stream.codec_context is None:
            self._failed = True
            return
        same_form = _SameForm()
        for packet in self._packets():
            try:
                frames = packet.decode()
                for frame in frames:
                    yield from same_form.of(frame)
            except (av.error.FFmpegError, ValueError):
                self._note_failure(packet)
                continue
            self._heard = self._heard or bool(frames)

    def _packets(self) -> Iterator[Any]:
        begin_s = timeline_start_s(self._video.container) + self._start_s
        until_s = begin_s + self._length_s
        for packet in self._video.packets_between(self._stream, begin_s - _LEAD_S, until_s):
            if packet.pts is not None:
                packet.pts -= round(Fraction(begin_s) / packet.time_base)
            yield packet

    def _note_failure(self, packet: Any) -> None:
        if packet.pts is not None and packet.pts >= 0:
            self._failed = True


class _SameForm:
    """Resamples frames of any form, which may change where recordings are joined."""

    def __init__(self) -> None:
        self._form: tuple[Any, ...] = ()
        self._ends_s = 0.0

    def of(self, frame: Any) -> Iterator[tuple[float, np.ndarray]]:
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form:
            self._form = form
            self._resampler = av.AudioResampler(format="fltp", layout="stereo", rate=SOUND_RATE)
        time_s = frame.time if frame.time is not None else self._ends_s
        self._ends_s = time_s + frame.samples / frame.sample_rate
        frame.time_base = Fraction(1, frame.sample_rate)
        frame.pts = round(time_s * frame.sample_rate)
        for same in self._resampler.resample(frame):
            yield time_s if same.time is None else same.time, same.to_ndarray()


def _laid(decoded: Iterator[tuple[float, np.ndarray]], length: int) -> Iterator[np.ndarray]:
    """The samples one after the other at their times: what overlaps is cut, gaps are silent."""
    at = 0
    for time_s, samples in decoded:
        gap = round(time_s * SOUND_RATE) - at
        if at and abs(gap) <= _SEAM_S * SOUND_RATE:
            gap = 0
        silent = max(0, min(gap, length - at))
        for start in range(0, silent, _BLOCK):
            yield np.zeros((2, min(_BLOCK, silent - start)), np.float32)
        at += silent
        fitting = samples[:, max(0, -gap) :][:, : length - at]
        if fitting.shape[1]:
            yield np.ascontiguousarray(fitting)
            at += fitting.shape[1]
        if at >= length:
            return
