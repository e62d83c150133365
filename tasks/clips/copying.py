"""Copies a part of a video as it is: nothing is decoded, and nothing is lost."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from indexer.reading.streams import OpenStream, open_video, timeline_start_s
from tasks.clips.job import CutJob
from tasks.clips.sound import sound_of

# What an mp4 may hold and most programs then play.
_PICTURES = frozenset({"h264", "hevc", "av1", "mpeg4"})
_SOUNDS = frozenset({"aac", "mp3", "ac3", "alac", "opus"})
# The others have no times of presentation that hold (AVI), or guess them after winding (MPEG).
_CONTAINERS = frozenset({"mp4", "matroska", "flv"})
_APPLE_TAGS = {"hevc": "hvc1"}  # with any other, players of Apple show no picture
_SAME_TIME_S = 0.001
# Sound is rarely stored further than this from the pictures that it belongs to.
_APART_S = 2.0
# Decoders hold back fewer pictures than this before they show the first.
_MOST_UNTIMED = 32


class _NotInOrderError(Exception):
    """Pictures whose times of decoding do not rise cannot be written as they are."""


def copied(job: CutJob) -> float | None:
    """Copy the part from the last keyframe at or before its start; → where that is.

    None, and nothing written, when no keyframe lies between `copy_from_s` and `start_s`, the file's
    pictures or its sound do not go into an mp4, or its clock does not lead to them.

    Raises DecodeFailed when the file cannot be read.
    """
    if job.copy_from_s is None:
        return None
    with open_video(job.source, job.settings, length_s=job.length_s) as video:
        if not video.leads_by_time or not _fits_mp4(video):
            return None
        offset_s = timeline_start_s(video.container)
        video.seek(offset_s + job.start_s + _SAME_TIME_S)
        first = next((one for one in video.packets() if one.pts is not None), None)
        if first is None or not first.is_keyframe:
            return None
        begins_s = float(first.pts * first.time_base) - offset_s
        if not job.copy_from_s - _SAME_TIME_S <= begins_s <= job.start_s + _SAME_TIME_S:
            return None
        # Sound that is heard with the first picture may be stored before it.
        video.seek(offset_s + begins_s - _APART_S)
        try:
            _copy(job, video, offset_s + begins_s, offset_s + job.end_s)
        except _NotInOrderError:
            return None
    return max(0.0, begins_s)


def _fits_mp4(video: OpenStream) -> bool:
    sound = sound_of(video)
    return (
        video.name in _CONTAINERS
        and _codec(video.stream) in _PICTURES
        and (sound is None or _codec(sound) in _SOUNDS)
    )


def _codec(stream: Any) -> str | None:
    """The name of the codec itself: decoders have names of their own ("libdav1d", "mp3float")."""
    context = stream.codec_context
    return None if context is None else context.codec.canonical_name


def _copy(job: CutJob, video: OpenStream, begin_s: float, end_s: float) -> None:
    sound = sound_of(video)
    wanted = [video.stream] if sound is None else [video.stream, sound]
    options = {"movflags": "faststart"}
    with av.open(str(job.target), "w", format="mp4", options=options) as clip:
        streams = {one.index: clip.add_stream_from_template(one) for one in wanted}
        tag = _APPLE_TAGS.get(_codec(video.stream) or "")
        if tag is not None:
            streams[video.stream.index].codec_context.codec_tag = tag
        for packet in _rising(_part(_timed(video.packets(*wanted[1:])), video, begin_s, end_s)):
            shift = round(Fraction(begin_s) / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = streams[packet.stream.index]
            clip.mux(packet)


def _part(packets: Iterator[Any], video: OpenStream, begin_s: float, end_s: float) -> Iterator[Any]:
    for packet in packets:
        is_picture = packet.stream is video.stream
        time_s = float(packet.pts * packet.time_base)
        # Decoding times rise, so that past the end nothing more is wanted of this stream, but
        # sound that is heard before may be stored later.
        if float(packet.dts * packet.time_base) >= end_s:
            if is_picture and float(packet.dts * packet.time_base) >= end_s + _APART_S:
                return
        elif time_s >= begin_s - _SAME_TIME_S and (is_picture or time_s < end_s):
            yield packet


def _rising(packets: Iterator[Any]) -> Iterator[Any]:
    """The packets with rising times of decoding; sound that overlaps what was before is left out.

    Raises _NotInOrderError when it is a picture that comes too late.
    """
    last: dict[int, int] = {}
    for packet in packets:
        stream = packet.stream
        if packet.dts > last.get(stream.index, packet.dts - 1):
            last[stream.index] = packet.dts
            yield packet
        elif stream.type == "video":
            raise _NotInOrderError


def _timed(packets: Iterator[Any]) -> Iterator[Any]:
    """The packets, all with a time of decoding.

    Matroska stores none, and the demuxer cannot tell those of the first pictures after winding
    until it has seen how they are ordered. They are counted back from the first one that it tells.
    """
    untimed: list[Any] = []
    for packet in packets:
        if packet.pts is None:
            continue
        if packet.dts is None:
            untimed.append(packet)
            if len(untimed) > _MOST_UNTIMED:
                return
            continue
        same = [one for one in untimed if one.stream is packet.stream]
        if same:
            untimed = [one for one in untimed if one.stream is not packet.stream]
            for place, one in enumerate(same):
                one.dts = packet.dts - (len(same) - place) * max(1, packet.duration or 1)
            yield from same
        yield packet
