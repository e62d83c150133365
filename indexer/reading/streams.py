"""An open video file and the raw pictures in it, damaged packets passed over."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

from indexer.reading.containers import DEMUXERS, open_regular, require_container
from indexer.reading.errors import DecodeFailed
from indexer.reading.settings import IndexSettings
from indexer.reading.source import Source

# Failed reads in a row after which the rest of the file is taken for lost.
_READ_ERRORS_IN_A_ROW = 100


@dataclass
class OpenStream:
    """An open file: its demuxer, the stream of its pictures, and how many were damaged so far."""

    name: str
    container: Any
    stream: Any
    source: Source
    bad_frames: int = 0
    _counted_from_s: float = field(default=-math.inf, repr=False)
    _rest: Iterator[Any] | None = field(default=None, repr=False)

    def pictures(self) -> Iterator[Any]:
        """The decoded pictures (PyAV video frames) in order of presentation.

        Packets that cannot be decoded are counted in ``bad_frames`` and passed over. Every call
        goes on where the last one stopped, or where `wind_to` went.

        Raises:
            DecodeFailed: the memory limit was reached, or the disk fails.
        """
        if self._rest is None:
            self._rest = self._decode()
        return self._rest

    def wind_to(self, time_stamp_s: float, *, counted_from_s: float = -math.inf) -> None:
        """Let `pictures` go on from a keyframe at or before the time stamp.

        A file that cannot be wound goes on from where it stands. Damage before ``counted_from_s``
        is not counted from here on: whoever winds back has met it already.
        """
        self._counted_from_s = counted_from_s
        with contextlib.suppress(av.error.FFmpegError):
            self.container.seek(int(time_stamp_s * 1_000_000), backward=True)
        self._rest = None

    def _decode(self) -> Iterator[Any]:
        for packet in self._packets():
            for picture in self._decode_packet(packet):
                if picture.is_corrupt:
                    self._count_damage(picture)
                else:
                    yield picture

    def _packets(self) -> Iterator[Any]:
        demuxed = self.container.demux(self.stream)
        failures = 0
        while failures < _READ_ERRORS_IN_A_ROW:
            try:
                yield next(demuxed)
                failures = 0
            except StopIteration:
                self.source.check()
                return
            except av.error.MemoryError as error:
                raise out_of_memory() from error
            except av.error.FFmpegError:
                self.source.check()
                self.bad_frames += 1
                failures += 1
                demuxed = self.container.demux(self.stream)

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


def out_of_memory() -> DecodeFailed:
    return DecodeFailed("memory", "decoding it needs more memory than decoder_memory_gb allows")


@contextlib.contextmanager
def open_video(path: Path, settings: IndexSettings) -> Iterator[OpenStream]:
    """Open ``path`` with the one demuxer that its signature asks for.

    Raises:
        DecodeFailed: it is no video, it is damaged at its root, or its pictures are too large.
    """
    with open_regular(path) as file:
        name = require_container(file)
        source = Source(file)
        with _demuxer(source, name, settings) as container:
            stream = _picture_stream(container)
            _check_size(stream, settings)
            stream.codec_context.options = _decoder_options(settings)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = settings.decode_threads
            yield OpenStream(name=name, container=container, stream=stream, source=source)


def _demuxer(source: Source, name: str, settings: IndexSettings) -> Any:
    try:
        return av.open(
            source,
            format=DEMUXERS[name],
            metadata_errors="replace",
            # The file is already open: no demuxer has business opening another.
            container_options={"protocol_whitelist": "none"},
            # Looking for stream parameters decodes pictures: the limit must hold there already.
            options={"max_pixels": str(settings.max_pixels)},
        )
    except (av.error.MemoryError, MemoryError) as error:
        raise out_of_memory() from error
    except (av.error.FFmpegError, ValueError) as error:
        source.check()
        raise DecodeFailed("probe", _why_unreadable(name)) from error


def _why_unreadable(name: str) -> str:
    if name == "mp4":
        return "its index (moov) is missing or damaged: the file is probably cut off"
    return f"its structure ({name}) is damaged, or the file is cut off"


def _picture_stream(container: Any) -> Any:
    moving = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
    ]
    if not moving:
        kind = "only sound" if container.streams.audio else "no moving pictures"
        raise DecodeFailed("probe", f"it holds {kind}")
    best = container.streams.best("video")
    stream = best if best in moving else moving[0]
    if stream.codec_context is None:
        raise DecodeFailed("probe", "its pictures are in a format that cannot be decoded here")
    return stream


def _check_size(stream: Any, settings: IndexSettings) -> None:
    width, height = stream.codec_context.width, stream.codec_context.height
    if width < 1 or height < 1:
        raise DecodeFailed("probe", "its picture size cannot be read: it is damaged or cut off")
    if width * height > settings.max_pixels:
        raise DecodeFailed(
            "probe",
            f"its pictures of {width} × {height} are larger than max_pixels allows "
            f"({settings.max_pixels})",
        )


def _decoder_options(settings: IndexSettings) -> dict[str, str]:
    return {
        "max_pixels": str(settings.max_pixels),
        # Pictures that no other picture refers to may stay a little blocky: it cannot spread, it
        # cannot be seen at the size that models use, and it saves a tenth of the decoding time.
        "skip_loop_filter": "noref",
    }
