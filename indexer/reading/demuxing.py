"""Opens a file with the one demuxer that its signature asks for, and finds the pictures in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

from indexer.reading.containers import DEMUXERS, open_regular, require_container
from indexer.reading.errors import DecodeFailed
from indexer.reading.settings import IndexSettings
from indexer.reading.source import Source


@dataclass(frozen=True)
class DemuxedFile:
    """An open file: its container's name, PyAV's demuxer, and the stream of its pictures."""

    name: str
    container: Any
    stream: Any
    source: Source


@contextlib.contextmanager
def demuxing(path: Path, settings: IndexSettings) -> Iterator[DemuxedFile]:
    """The file, opened; its stream of pictures is ready to be decoded.

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
            yield DemuxedFile(name, container, stream, source)


def out_of_memory() -> DecodeFailed:
    return DecodeFailed("memory", "decoding it needs more memory than decoder_memory_gb allows")


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
