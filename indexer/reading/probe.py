"""What a video file says about itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from indexer.reading.errors import DecodeFailed
from indexer.reading.settings import IndexSettings
from indexer.reading.streams import OpenStream, open_video, own_length_s, timeline_start_s

_CLOCKS_RUN_OVER = frozenset({"mpegts", "mpeg"})
# Above this many pixels (8K video) a decoder may run out of memory and call it damage.
_LARGE_PICTURE = 34_000_000
# Cameras without a set clock write the epoch of their format: no recording is older than this.
_FIRST_PLAUSIBLE_YEAR = 1971
# Where files say when they were recorded.
_RECORDED = ("com.apple.quicktime.creationdate", "creation_time", "date_recorded", "date")


@dataclass(frozen=True)
class VideoInfo:
    """A video as its container describes it.

    ``width`` and ``height`` are those of the display: turned upright, with square pixels.
    ``rotation`` is what a player turns the stored picture by, in degrees counter-clockwise (0, 90,
    180 or 270). ``duration_s``, ``average_rate`` (frames per second) and ``frame_count`` are None
    where the container does not say; what it says may be wrong.

    All times that the indexer gives count from the start of the container's timeline, as VLC, mpv
    and ffmpeg count. A browser's clock begins later for files that have an offset: add
    ``start_offset_s`` (0 for ordinary files) to seek there.
    """

    container: str
    codec: str
    duration_s: float | None
    start_offset_s: float
    width: int
    height: int
    rotation: int
    average_rate: float | None
    frame_count: int | None
    created_at: datetime | None


def probe(path: Path, settings: IndexSettings) -> VideoInfo:
    """What the file at ``path`` says about itself; its first picture is decoded to be sure.

    Raises:
        DecodeFailed: it is not a video that may be indexed; the reason says why.
    """
    with open_video(path, settings) as video:
        return describe(video, first_picture(video), settings)


def first_picture(video: OpenStream) -> Any:
    """The first picture of an open video that can be decoded (a PyAV video frame).

    Raises:
        DecodeFailed: there is none.
    """
    picture = next(video.pictures(), None)
    if picture is None:
        reason = "none of its pictures can be decoded: it is damaged"
        context = video.stream.codec_context
        if context.width * context.height > _LARGE_PICTURE:
            reason += ", or needs more memory than decoder_memory_gb allows"
        raise DecodeFailed("decode", reason)
    return picture


def describe(video: OpenStream, first: Any, settings: IndexSettings) -> VideoInfo:
    """The description of an open video, whose ``first`` picture tells how it is turned.

    Raises:
        DecodeFailed: it is longer than the settings allow.
    """
    duration_s = _duration_s(video, settings)
    container, stream = video.container, video.stream
    rotation = round(first.rotation / 90) * 90 % 360 if first.rotation else 0
    width, height = _square_pixels(first.width, first.height, stream.sample_aspect_ratio)
    if rotation in (90, 270):
        width, height = height, width
    return VideoInfo(
        container=video.name,
        codec=stream.codec_context.codec.canonical_name,
        duration_s=duration_s,
        start_offset_s=max(0.0, timeline_start_s(container)),
        width=width,
        height=height,
        rotation=rotation,
        average_rate=float(stream.average_rate) if stream.average_rate else None,
        frame_count=stream.frames or None,
        created_at=_created_at({**stream.metadata, **container.metadata}),
    )


def _square_pixels(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    if not aspect or not Fraction(1, 8) <= aspect <= 8:
        return width, height
    return (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))


def _duration_s(video: OpenStream, settings: IndexSettings) -> float | None:
    """When the pictures end, as far as the file tells; other streams may go on for longer."""
    duration_s = own_length_s(video)
    limit_s = settings.max_hours * 3600
    if duration_s is None or duration_s <= limit_s:
        return duration_s
    if video.name in _CLOCKS_RUN_OVER:
        return None  # a clock that was set back seems to run on for a day
    if _last_picture_s(video, limit_s) >= limit_s:
        raise too_long(duration_s, settings)
    return None


def _last_picture_s(video: OpenStream, limit_s: float) -> float:
    """When the last picture comes, or one after the limit: a stray sound may come much later."""
    start_s, last_s = timeline_start_s(video.container), -math.inf
    video.seek(start_s + limit_s)
    for packet in video.packets():
        if packet.pts is not None:
            last_s = float(packet.pts * packet.time_base) - start_s
        if last_s >= limit_s:
            break
    video.rewind()
    return last_s


def too_long(duration_s: float, settings: IndexSettings) -> DecodeFailed:
    return DecodeFailed(
        "probe",
        f"it lasts {duration_s / 3600:.1f} hours or more, longer than max_hours allows "
        f"({settings.max_hours:g})",
    )


def _created_at(metadata: dict[str, str]) -> datetime | None:
    """When it was recorded; an entry that knows the zone of the place comes first."""
    said = {key.lower(): value for key, value in metadata.items()}
    moments = [moment for key in _RECORDED if (moment := _moment(said.get(key, ""))) is not None]
    zoned = (moment for moment in moments if moment.utcoffset())
    return next(zoned, moments[0] if moments else None)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.year < _FIRST_PLAUSIBLE_YEAR:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
