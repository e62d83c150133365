"""Video files of the small world whose content and shot boundaries are known exactly."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from models.threads import one_thread
from smallworld.clips.moving import Clip
from smallworld.clips.shots import Shot, ShotPainter
from smallworld.stills.pictures import Picture
from smallworld.stills.sprites import SpriteAtlas, shipped_atlas

# Options that make the encoders quick; the clips are small and need no great quality.
_CODEC_OPTIONS: dict[str, dict[str, str]] = {
    # With its look-ahead libx264 does not always write the same bytes for the same frames.
    "libx264": {"preset": "veryfast", "crf": "23", "x264-params": "rc-lookahead=0:mbtree=0"},
    "libx265": {"preset": "ultrafast", "crf": "28", "x265-params": "log-level=error"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "32", "b": "0"},
    "mpeg4": {"b": "1500000"},
}


@dataclass(frozen=True)
class ShotTruth:
    """What a shot shows at its start, and when it is shown: from `start_s` up to `end_s`.

    `clip` is what happens in it, None where nothing does.
    """

    start_s: float
    end_s: float
    picture: Picture
    clip: Clip | None = None


@dataclass(frozen=True)
class ClipTruth:
    """A written clip and everything that is known about it."""

    path: Path
    width: int
    height: int
    frame_rate: Fraction
    codec: str
    shots: tuple[ShotTruth, ...]

    @property
    def duration_s(self) -> float:
        """The end of the last shot."""
        return self.shots[-1].end_s


def write_clip(
    path: Path,
    shots: Sequence[Shot],
    *,
    width: int = 320,
    height: int = 320,
    frame_rate: Fraction | int = 25,
    codec: str = "libx264",
    atlas: SpriteAtlas | None = None,
) -> ClipTruth:
    """Write a video of `shots`, one after the other; the container follows the file's suffix.

    Each shot lasts the nearest whole number of frames, at least one. The things must be in
    `atlas`, by default the sprites that come with the program. The same arguments write the
    same bytes.
    """
    rate = Fraction(frame_rate)
    counts = [max(1, round(shot.duration_s * rate)) for shot in shots]
    painter = ShotPainter(atlas or shipped_atlas(), width=width, height=height)
    with one_thread(), av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(codec, rate=rate, options=_CODEC_OPTIONS.get(codec, {}))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = 1 / rate
        stream.codec_context.thread_count = 1
        position = 0
        for shot, count in zip(shots, counts, strict=True):
            for pixels in painter.frames(shot, [float(i / rate) for i in range(count)]):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts, frame.time_base = position, 1 / rate
                container.mux(stream.encode(frame))
                position += 1
        container.mux(stream.encode())
    return ClipTruth(path, width, height, rate, codec, _truths(shots, counts, rate))


def _truths(shots: Sequence[Shot], counts: Sequence[int], rate: Fraction) -> tuple[ShotTruth, ...]:
    truths, position = [], 0
    for shot, count in zip(shots, counts, strict=True):
        start_s, end_s = float(position / rate), float((position + count) / rate)
        truths.append(ShotTruth(start_s, end_s, shot.picture, shot.clip))
        position += count
    return tuple(truths)
