"""Copies a part of a video as it is: nothing is decoded, and nothing is lost."""

from fractions import Fraction
from typing import Any

import av

from indexer.probe import timeline_start_s
from indexer.streams import open_video
from ui.cut_jobs import CutJob

# What an mp4 may hold and most programs then play.
_PICTURES = frozenset({"h264", "hevc", "av1", "mpeg4"})
_SOUNDS = frozenset({"aac", "mp3", "ac3", "alac", "opus"})
_SAME_TIME_S = 0.001


def copied(job: CutJob) -> float | None:
    """Copy the part from the last keyframe at or before its start; → where that is.

    None, and nothing written, when no keyframe lies between `copy_from_s` and `start_s`, or the
    file's pictures do not go into an mp4.

    Raises DecodeFailed when the file cannot be read.
    """
    if job.copy_from_s is None:
        return None
    with open_video(job.source, job.settings) as video:
        source = video.container
        if video.stream.codec_context.name not in _PICTURES:
            return None
        offset_s = timeline_start_s(source)
        video.wind_to(offset_s + job.start_s + _SAME_TIME_S)
        first = next((one for one in source.demux(video.stream) if one.pts is not None), None)
        if first is None or not first.is_keyframe:
            return None
        begins_s = float(first.pts * first.time_base) - offset_s
        if not job.copy_from_s - _SAME_TIME_S <= begins_s <= job.start_s + _SAME_TIME_S:
            return None
        video.wind_to(offset_s + job.start_s + _SAME_TIME_S)
        _copy(job, video, offset_s + begins_s, offset_s + job.end_s)
    return max(0.0, begins_s)


def _copy(job: CutJob, video: Any, begin_s: float, end_s: float) -> None:
    sounds = [one for one in video.container.streams.audio if one.codec_context.name in _SOUNDS][:1]
    options = {"movflags": "faststart"}
    with av.open(str(job.target), "w", format="mp4", options=options) as clip:
        streams = {one.index: clip.add_stream_from_template(one) for one in (video.stream, *sounds)}
        for packet in video.container.demux(video.stream, *sounds):
            # Decoding times rise, so that past the end nothing more is wanted of this stream.
            if packet.dts is None or packet.pts is None:
                continue
            time_s = float(packet.pts * packet.time_base)
            if float(packet.dts * packet.time_base) >= end_s:
                if packet.stream is video.stream:
                    break
                continue
            if time_s < begin_s - _SAME_TIME_S or (
                packet.stream is not video.stream and time_s >= end_s
            ):
                continue
            shift = round(Fraction(begin_s) / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = streams[packet.stream.index]
            clip.mux(packet)
