"""Cuts a clip that every browser plays, as a child process of `tasks.clips.playing`: job on stdin.

A damaged or hostile file can hang, crash or fill only this process; its parent ends it in time.
"""

import errno
import json
import math
import os
import sys
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.video.frame import PictureType

from indexer.reading.errors import DecodeFailed
from indexer.reading.probe import VideoInfo
from indexer.reading.pyav_reader import PyAVReader
from indexer.reading.streams import open_video
from indexer.reading.worker_process import limit_memory
from tasks.clips.colours import ClipPictures
from tasks.clips.copying import copied
from tasks.clips.job import LOST_KEY, CutJob
from tasks.clips.sound import SOUND_RATE, PartSound

EXIT_UNPLAYABLE, EXIT_UNWRITABLE = 3, 4

# What goes wrong with the file that is written: trouble with the one that is read is DecodeFailed.
_UNWRITABLE = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EIO", "EACCES", "EPERM", "ENOENT")
    if hasattr(errno, name)  # Windows has no quotas
)

_LONG_SIDE, _SHORT_SIDE = 1280, 720
_CLOCK = Fraction(1, 90_000)
# A little more than 1/32 s apart: 60 pictures a second become 30, which halves the waiting.
_CLOSEST_S = 0.031
_HELD_S = 0.1
_SAME_TIME_S = 0.001  # time stamps are stored rounded
# In MPEG program streams the first times after winding are guesses.
_SETTLES_S = 1.0
_QUALITY = {
    "preset": "superfast",
    "crf": "23",
    "bf": "0",  # with pictures out of order, mp4 would cut short one that is held at the end
    # A clip of noise must not outgrow the cache and the server's memory.
    "maxrate": "4M",
    "bufsize": "8M",
}
_QUALITY_TO_KEEP = {"preset": "veryfast", "crf": "18", "bf": "0"}


def cut(job: CutJob) -> str | None:
    """Write the part as H.264 (and AAC, if it has sound) in mp4; its clock starts at `start_s`.

    → what is missing in it, in a sentence, if anything is. Raises DecodeFailed when nothing can be
    read there.
    """
    with (
        open_video(job.source, job.settings, length_s=job.length_s) as video,
        PyAVReader(
            job.source, short_side=_SHORT_SIDE, settings=job.settings, length_s=job.length_s
        ) as reader,
        av.open(str(job.target), "w", format="mp4", options={"movflags": "faststart"}) as clip,
    ):
        pictures = _add_picture_stream(clip, reader.info, job)
        sound = PartSound(video, job.start_s, job.end_s)
        heard = _encoded(clip, sound)
        if sound.lost is not None:
            clip.metadata[LOST_KEY] = sound.lost
        timed = reader.pictures_from(max(0.0, job.start_s - _SETTLES_S))
        drawn = ClipPictures(pictures)
        for frame in _frames(timed, job):
            clip.mux(pictures.encode(drawn.fitted(frame)))
        clip.mux(pictures.encode())
        clip.mux(heard)
    return sound.lost


def _encoded(clip: Any, sound: PartSound) -> list[Any]:
    """The clip's sound as packets, in a stream of their own; empty when there is none to be had."""
    blocks = sound.blocks()
    first = next(blocks, None)
    if first is None:
        return []
    voice = clip.add_stream("aac", rate=SOUND_RATE, layout="stereo")
    return [packet for block in (first, *blocks, None) for packet in voice.encode(block)]


def _add_picture_stream(clip: Any, info: VideoInfo, job: CutJob) -> Any:
    quality = _QUALITY_TO_KEEP if job.to_keep else _QUALITY
    stream = clip.add_stream("libx264", rate=30, options=quality)
    turned = info.rotation in (90, 270)
    size = (info.height, info.width) if turned else (info.width, info.height)
    stream.width, stream.height = even_size(*size) if job.to_keep else playable_size(*size)
    stream.pix_fmt = "yuv420p"
    stream.time_base = stream.codec_context.time_base = _CLOCK
    stream.codec_context.gop_size = 60
    stream.codec_context.thread_count = job.settings.decode_threads
    if info.rotation:
        stream.set_display_rotation(info.rotation)
    return stream


def playable_size(width: int, height: int) -> tuple[int, int]:
    """The size scaled down to 720p where it is larger, with even sides as H.264 wants them."""
    scale = min(1.0, _LONG_SIDE / max(width, height), _SHORT_SIDE / min(width, height))
    return even_size(width * scale, height * scale)


def even_size(width: float, height: float) -> tuple[int, int]:
    """The nearest size with even sides, at least 2 by 2."""
    return max(2, round(width / 2) * 2), max(2, round(height / 2) * 2)


def _frames(timed: Iterator[tuple[Any, float]], job: CutJob) -> Iterator[Any]:
    """The pictures on the screen during the clip, each stamped with its time."""
    shown, last_s, length_s = None, -math.inf, job.end_s - job.start_s
    closest_s = _SAME_TIME_S if job.to_keep else _CLOSEST_S
    for picture, source_s in timed:
        time_s = source_s - job.start_s
        if time_s >= length_s:
            break
        if last_s < 0 and time_s > _SAME_TIME_S and shown is not None:
            yield _stamped(shown, 0.0)  # it is still on the screen when the clip begins
            last_s = 0.0
        shown = picture
        if time_s >= -_SAME_TIME_S and time_s - last_s >= closest_s:
            last_s = max(0.0, time_s)
            yield _stamped(picture, last_s)
    if shown is None:
        raise DecodeFailed("decode", "no picture can be read at this place")
    # The last picture stays on the screen until the end.
    if last_s < 0:
        yield _stamped(shown, 0.0)
        last_s = 0.0
    if length_s - last_s > _HELD_S:
        yield _stamped(shown, length_s - _CLOSEST_S)


def _stamped(picture: Any, time_s: float) -> Any:
    picture.pts, picture.time_base = round(time_s / _CLOCK), _CLOCK
    picture.pict_type = PictureType.NONE  # the encoder chooses for itself
    return picture


def main() -> None:
    """Do the job on stdin.

    To stdout goes as JSON what came of it: the fields of a `Cutting`, the reason why it cannot be
    done, or the number of the error that kept the clip from being written.
    """
    job = CutJob.from_json(sys.stdin.read())
    limit_memory(job.settings)
    try:
        begins_s = copied(job)
        lost = cut(job) if begins_s is None else None
        sys.stdout.write(json.dumps({"copied_from_s": begins_s, "lost": lost}))
    except (DecodeFailed, MemoryError, OSError, av.error.FFmpegError) as error:
        number = getattr(error, "errno", None)
        reason = str(error) if isinstance(error, DecodeFailed) else "it cannot be cut"
        sys.stdout.write(json.dumps(number if number in _UNWRITABLE else reason))
        sys.stdout.flush()
        # Closing half-read files is where decoders like to hang.
        os._exit(EXIT_UNWRITABLE if number in _UNWRITABLE else EXIT_UNPLAYABLE)


if __name__ == "__main__":
    main()
