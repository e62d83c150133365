"""An open video file and the raw pictures in it, damaged packets passed over."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any

import av

from indexer.reading.clock import Clock
from indexer.reading.demuxing import demuxing, out_of_memory
from indexer.reading.settings import IndexSettings

_MICROSECONDS = 1_000_000
# Any part of them can be left out or put in, and they still play.
_JOINED_AT_WILL = frozenset({"mpegts", "mpeg", "ogg"})
# It takes a second to read as much without decoding it.
_SOON_READ_BYTES = 256 * 1024**2
# What a file says of its own length is never so wrong, unless there are several recordings in it.
_LONGER_S = 1.0
# Pictures are stored out of order by less than this.
_AHEAD_S = 1.0
# Sound is stored no further than this from the pictures that it belongs to.
_APART_S = 10.0
# A file is read from its beginning where it cannot be wound, if what is wanted is no later.
_SOON_READ_S = 120.0
# Compressed pictures that may wait while the last keyframe before a time is looked for.
_MOST_WAITING_BYTES = 64 * 1024**2
# Failed reads in a row after which the rest of the file is taken for lost.
_READ_ERRORS_IN_A_ROW = 100


class OpenStream:
    """An open file: its demuxer, the stream of its pictures, and how many were damaged so far.

    All times are on one clock (`indexer.reading.clock`), wherever reading goes on: who reads from
    the beginning and who winds meet the same picture at the same time.
    """

    name: str
    container: Any
    stream: Any

    def __init__(self, path: Path, settings: IndexSettings, length_s: float | None) -> None:
        self._path = path
        self._settings = settings
        self._length_s = length_s
        self._open_files = contextlib.ExitStack()
        self.bad_frames = 0
        self._counted_from_s = -math.inf
        self.rewind()

    def close(self) -> None:
        """Close the file."""
        self._open_files.close()

    def rewind(self) -> None:
        """Open the file anew, so that `pictures` and `packets` go on from its first packet.

        Raises:
            DecodeFailed: as `open_video`.
        """
        self._open_files.close()
        with contextlib.ExitStack() as opening:
            file = opening.enter_context(demuxing(self._path, self._settings))
            self.name, self.container, self.stream = file.name, file.container, file.stream
            self._source = file.source
            self._open_files = opening.pop_all()
        self.clock = Clock(self.name, self.stream.index)
        self._rest: Iterator[Any] | None = None

    def pictures(self) -> Iterator[Any]:
        """The decoded pictures (PyAV video frames) in order of presentation.

        Packets that cannot be decoded are counted in ``bad_frames`` and passed over. Every call
        goes on where the last one stopped, or where `wind_to` went.

        Raises:
            DecodeFailed: the memory limit was reached, or the disk fails.
        """
        if self._rest is None:
            self._rest = self._decode(self.packets())
        return self._rest

    def packets(self, *others: Any) -> Iterator[Any]:
        """The packets of the pictures and of other streams, on the one clock, in the file's order.

        Reads that fail are counted in ``bad_frames`` and passed over.

        Raises:
            DecodeFailed: the memory limit was reached.
        """
        return self.clock.mended(self._demuxed(self.stream, *others))

    def wind_to(self, time_stamp_s: float, *, counted_from_s: float = -math.inf) -> None:
        """Let `pictures` go on from a keyframe at or before the time stamp.

        A file that cannot be wound goes on from its beginning. Damage before ``counted_from_s`` is
        not counted from here on: whoever winds back has met it already.
        """
        self._counted_from_s = counted_from_s
        if self.leads_by_time:
            self.seek(time_stamp_s)
        else:
            self.rewind()
            self._rest = self._decode(skimmed(self.packets(), time_stamp_s))

    def packets_between(self, stream: Any, from_s: float, until_s: float) -> Iterator[Any]:
        """Packets of another stream, on the one clock; both bounds are time stamps.

        A few from before and after may come. Where winding goes past ``from_s``, as it does in
        files whose sound begins before their pictures, the file is read from its beginning.
        """
        index = stream.index
        for go in self._ways_to(from_s, index):
            go()
            packets = self._of_stream(index, until_s)
            first = next(packets, None)
            if first is not None and _begins_s(first) <= from_s:
                break
        for packet in chain([] if first is None else [first], packets):
            if not _begins_s(packet) < from_s:
                yield packet

    def _ways_to(self, time_stamp_s: float, index: int) -> Iterator[Callable[[], None]]:
        begins_s = timeline_start_s(self.container)
        if self.leads_by_time:
            yield partial(self.seek, time_stamp_s)
            yield partial(self.seek, time_stamp_s - _APART_S)
            yield partial(self.seek, time_stamp_s, index=index)
        if not self.leads_by_time or time_stamp_s - begins_s < _SOON_READ_S:
            yield self.rewind

    def _of_stream(self, index: int, until_s: float) -> Iterator[Any]:
        for packet in self.packets(self.container.streams[index]):
            if packet.stream.index == index:
                if _begins_s(packet) > until_s:
                    return
                yield packet
            elif _begins_s(packet) > until_s + _APART_S:
                return

    def seek(self, time_stamp_s: float, *, index: int | None = None) -> None:
        """Let the demuxer go to a time stamp of the file's own clock, or to its beginning.

        index: of the stream whose packets are wanted; the demuxer's choice if it is None
        """
        begins_s = timeline_start_s(self.container)
        stream = None if index is None else self.container.streams[index]
        unit = Fraction(1, _MICROSECONDS) if stream is None else stream.time_base
        try:
            ticks = int(max(begins_s, time_stamp_s) / unit)
            self.container.seek(ticks, backward=True, stream=stream)
        except av.error.FFmpegError:
            self.rewind()
        self.clock.resume()
        self._rest = None

    @cached_property
    def leads_by_time(self) -> bool:
        """Whether the file can be wound: its own clock was never set back.

        What was measured when the file was indexed is compared with what it says of itself. Small
        files are read from the beginning where one recording may hide between two of another.
        """
        says_s = own_length_s(self)
        may_hide = self.name in _JOINED_AT_WILL
        if says_s is None:
            return False
        if self._length_s is None or (may_hide and self._path.stat().st_size <= _SOON_READ_BYTES):
            return not may_hide
        more_s = self._length_s - says_s
        return more_s < _LONGER_S and (not may_hide or more_s > -_LONGER_S)

    def _decode(self, packets: Iterator[Any]) -> Iterator[Any]:
        for packet in packets:
            for picture in self._decode_packet(packet):
                if picture.is_corrupt:
                    self._count_damage(picture)
                else:
                    yield picture

    def _demuxed(self, *streams: Any) -> Iterator[Any]:
        demuxed = self.container.demux(*streams)
        failures = 0
        while failures < _READ_ERRORS_IN_A_ROW:
            try:
                yield next(demuxed)
                failures = 0
            except StopIteration:
                self._source.check()
                return
            except av.error.MemoryError as error:
                raise out_of_memory() from error
            except av.error.FFmpegError:
                self._source.check()
                self.bad_frames += 1
                failures += 1
                demuxed = self.container.demux(*streams)

    def _decode_packet(self, packet: Any) -> list[Any]:
        try:
            return list(packet.decode())
        except (av.error.MemoryError, MemoryError) as error:
            raise out_of_memory() from error
        except av.error.EOFError:
            return []
        except av.error.FFmpegError:
            self._count_damage(packet)
            return []

    def _count_damage(self, damaged: Any) -> None:
        """Count a damaged picture or packet, unless its time says that it was met before."""
        known = damaged.pts is not None and damaged.time_base is not None
        if not known or float(damaged.pts * damaged.time_base) >= self._counted_from_s:
            self.bad_frames += 1


@contextlib.contextmanager
def open_video(
    path: Path, settings: IndexSettings, *, length_s: float | None = None
) -> Iterator[OpenStream]:
    """Open ``path`` with the one demuxer that its signature asks for.

    length_s: when the last picture ends, if known: it shows whether the file can be wound

    Raises:
        DecodeFailed: it is no video, it is damaged at its root, or its pictures are too large.
    """
    video = OpenStream(path, settings, length_s)
    try:
        yield video
    finally:
        video.close()


def _begins_s(packet: Any) -> float:
    """The time stamp of a packet; not a number, which is neither before nor after any, if unset."""
    ticks = packet.pts if packet.pts is not None else packet.dts
    return math.nan if ticks is None else float(ticks * packet.time_base)


def skimmed(packets: Iterator[Any], time_stamp_s: float) -> Iterator[Any]:
    """The packets of pictures from the last keyframe at or before a time stamp, without decoding.

    From an earlier one where keyframes are so far apart that the packets between are too many.
    """
    waiting: list[Any] = []
    size = 0
    for packet in packets:
        if packet.is_keyframe and _begins_s(packet) <= time_stamp_s:
            waiting, size = [], 0
        waiting.append(packet)
        size += packet.size
        if size > _MOST_WAITING_BYTES or _begins_s(packet) > time_stamp_s + _AHEAD_S:
            break
    yield from waiting
    yield from packets


def timeline_start_s(container: Any) -> float:
    """Time stamp at which the container's timeline begins: the earliest of all its streams."""
    return float((container.start_time or 0) / _MICROSECONDS)


def own_length_s(video: OpenStream) -> float | None:
    """When the pictures end by what the file says of itself; None where it does not say.

    Seconds from the start of its timeline. Other streams may go on for longer: what the container
    says is asked only where it does not tell them apart.
    """
    container, stream = video.container, video.stream
    if stream.duration and stream.duration > 0 and stream.time_base:
        begins_s = 0.0
        if stream.start_time is not None and video.name != "avi":  # it has no times of its own
            begins_s = float(stream.start_time * stream.time_base) - timeline_start_s(container)
        return begins_s + float(stream.duration * stream.time_base)
    if container.duration and container.duration > 0:
        return float(container.duration / _MICROSECONDS)
    return None
