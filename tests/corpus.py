"""Small generated videos, ordinary and odd, for the tests of every package.

Each picture carries its own frame number as a row of black and white blocks, so that a test can
read from decoded pixels which source frame it was given.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

WIDTH, HEIGHT = 160, 96
NUMBER_BITS = 10
TICKS_PER_S = 12_800


def scene(seed: int, *, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A textured colour picture that differs clearly from that of any other seed.

    shape: (height, width, 3), uint8.
    """
    random = np.random.default_rng(seed)
    coarse = random.integers(20, 236, size=(6, 8, 3))
    rows = np.arange(height) * 6 // height
    columns = np.arange(width) * 8 // width
    texture = random.integers(-12, 13, size=(height // 4 + 1, width // 4 + 1, 1))
    fine = texture[np.arange(height)[:, None] // 4, np.arange(width)[None, :] // 4]
    return np.clip(coarse[rows][:, columns] + fine, 0, 255).astype(np.uint8)


def numbered(picture: np.ndarray, number: int) -> np.ndarray:
    """A copy of ``picture`` with ``number`` in its upper edge, as black and white blocks."""
    stamped = picture.copy()
    height, width = picture.shape[0] // 10, picture.shape[1]
    for bit in range(NUMBER_BITS):
        left, right = (width * bit // NUMBER_BITS, width * (bit + 1) // NUMBER_BITS)
        stamped[:height, left:right] = 235 if number >> bit & 1 else 16
    return stamped


def read_number(picture: np.ndarray) -> int:
    """The number that `numbered` wrote, read back from a decoded picture of any size."""
    height, width = picture.shape[0] // 10, picture.shape[1]
    row = picture[height // 4 : max(height // 4 + 1, height * 3 // 4)].mean(axis=(0, 2))
    centres = (np.arange(NUMBER_BITS) + 0.5) * width / NUMBER_BITS
    return sum(1 << bit for bit, centre in enumerate(centres) if row[int(centre)] > 128)


def shots(lengths: Sequence[int], *, width: int = WIDTH, height: int = HEIGHT) -> list[np.ndarray]:
    """Numbered frames of consecutive shots; each shot is another scene with a moving square."""
    frames: list[np.ndarray] = []
    for seed, length in enumerate(lengths):
        backdrop = scene(seed + 1, width=width, height=height)
        for step in range(length):
            picture = backdrop.copy()
            left = (step * 2) % (width - 20)
            picture[height // 2 : height // 2 + 16, left : left + 16] = (250, 240, 30)
            frames.append(numbered(picture, len(frames)))
    return frames


def write_clip(  # one option for each oddity a test may want
    path: Path,
    frames: Iterable[np.ndarray],
    *,
    rate: int = 25,
    times_s: Sequence[float] | None = None,
    codec: str = "libx264",
    container: str = "mp4",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    rotation: int = 0,
    audio_s: float = 0.0,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write ``frames`` as a video and return its path.

    ``times_s`` gives each frame its own time (variable frame rate, start offset);
    ``rotation`` is stored as a display matrix, counter-clockwise as PyAV has it.
    """
    frames = list(frames)
    with (
        path.open("wb") as file,
        av.open(file, "w", format=container, container_options=container_options or {}) as output,
    ):
        stream = output.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixel_format
        # Some containers take their frame rate from the time base: fine only where needed.
        ticks_per_s = TICKS_PER_S if times_s is not None else rate
        stream.time_base = stream.codec_context.time_base = Fraction(1, ticks_per_s)
        if rotation:
            stream.set_display_rotation(rotation)
        sound = output.add_stream("aac", rate=16_000, layout="mono") if audio_s else None
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            time_s = times_s[number] if times_s is not None else number / rate
            frame.pts, frame.time_base = round(time_s * ticks_per_s), Fraction(1, ticks_per_s)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
        if sound is not None:
            _write_sound(output, sound, audio_s)
    _be_ordinary()
    return path


def _be_ordinary() -> None:
    """SVT-AV1 makes the thread that encodes a real-time one where it may: as root.

    All that the tests start later would inherit that, or starve beside it.
    """
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _write_sound(output: Any, stream: Any, length_s: float) -> None:
    samples = (3000 * np.sin(np.arange(int(length_s * 16_000)) / 9)).astype(np.int16)
    for start in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(
            samples[None, start : start + 1024], format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts = 16_000, start
        output.mux(stream.encode(frame))
    output.mux(stream.encode())


SHOT_LENGTHS = (20, 25, 30)
RATE = 25
CUTS_S = (0.8, 1.8)
DURATION_S = 3.0
VP9 = {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}
AV1 = {"codec": "libsvtav1", "options": {"preset": "12"}}
# Uneven on purpose: a fast start, a pause, a slow end.
VARIABLE_TIMES_S = tuple(np.cumsum([0.0] + [0.04] * 30 + [0.9] + [0.1] * 43).round(4).tolist())
START_OFFSET_S = 5.0


def good_videos(folder: Path, lengths: Sequence[int] = SHOT_LENGTHS) -> dict[str, Path]:
    """The same shots in many containers, codecs and timings.

    lengths: of each in frames, 75 at most in all; by default three shots of 3 s together
    """
    frames = shots(lengths)
    offset_s = [START_OFFSET_S + number / RATE for number in range(len(frames))]
    writings: dict[str, dict[str, Any]] = {
        "plain.mp4": {},
        "plain.mkv": {"container": "matroska"},
        "plain.mov": {"container": "mov"},
        "vp9.webm": {"container": "webm", **VP9},
        "av1.mp4": AV1,
        "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none"}},
        "mpeg4.avi": {"container": "avi", "codec": "mpeg4"},
        "h264.avi": {"container": "avi"},
        "plain.ts": {"container": "mpegts"},
        "plain.m2ts": {"container": "mpegts", "container_options": {"mpegts_m2ts_mode": "1"}},
        "plain.mpg": {"container": "mpeg", "codec": "mpeg2video"},
        "plain.flv": {"container": "flv"},
        "plain.wmv": {"container": "asf", "codec": "wmv2"},
        "animated.gif": {"container": "gif", "codec": "gif", "pixel_format": "rgb8"},
        "live.webm": {"container": "webm", **VP9, "container_options": {"live": "1"}},
        "variable.mp4": {"times_s": VARIABLE_TIMES_S},
        "offset.mp4": {"times_s": offset_s},
        "offset.mkv": {"times_s": offset_s, "container": "matroska"},
        "no-edit-list.mp4": {"container_options": {"use_editlist": "0"}},
        "ten-bit.mp4": {"pixel_format": "yuv420p10le"},
        "sound.mp4": {"audio_s": 3.0},
    }
    return {name: write_clip(folder / name, frames, **how) for name, how in writings.items()}


def odd_videos(folder: Path) -> dict[str, Path]:
    """Videos that can be indexed, at least in part, but are unusual."""
    frames = shots(SHOT_LENGTHS)
    whole = write_clip(
        folder / "whole.mp4", frames, container_options={"movflags": "faststart"}
    ).read_bytes()
    made = {
        "one-frame.mp4": write_clip(folder / "one-frame.mp4", frames[:1]),
        "tenth-of-a-second.mp4": write_clip(folder / "tenth-of-a-second.mp4", frames[:3]),
        "rotated.mp4": write_clip(folder / "rotated.mp4", frames, rotation=90),
        "late-picture.mp4": write_clip(
            folder / "late-picture.mp4",
            frames,
            times_s=[1 + number / RATE for number in range(len(frames))],
            audio_s=4.0,
        ),
        "cut-off.mp4": _write(folder / "cut-off.mp4", whole[: len(whole) * 6 // 10]),
        "bits-flipped.mp4": _write(folder / "bits-flipped.mp4", flip_bits(whole, count=12)),
    }
    (folder / "whole.mp4").unlink()
    return made


def refused_files(folder: Path) -> dict[str, Path]:
    """Files that must not be indexed."""
    clip = write_clip(folder / "clip.mp4", shots([10]))
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nclip.mp4\n#EXT-X-ENDLIST\n"
    made = {
        "empty.mp4": _write(folder / "empty.mp4", b""),
        "text.mp4": _write(folder / "text.mp4", b"Dear diary,\ntoday I saw a bear.\n" * 20),
        "playlist.mp4": _write(folder / "playlist.mp4", playlist.encode()),
        "list.mp4": _write(folder / "list.mp4", b"ffconcat version 1.0\nfile clip.mp4\n"),
        "no-index.mp4": _write(
            folder / "no-index.mp4", clip.read_bytes()[: clip.stat().st_size * 6 // 10]
        ),
        "sound-only.mp4": _sound_only(folder / "sound-only.mp4"),
        "zeros.mp4": _write(folder / "zeros.mp4", bytes(5000)),
        "huge.mp4": _huge_picture(folder / "huge.mp4"),
    }
    clip.unlink()
    return made


ODD_NAMES = (
    b"-x.mp4",
    b"new\nline.mp4",
    b"quo\"te's.mp4",
    b"\xf0\x9f\x90\xbb bear.mp4",
    b"not-\xff-utf8.mp4",
    b"percent%20d.mp4",
    b"http:colon.mp4",
    b"no extension",
)


def flip_bits(content: bytes, *, count: int, seed: int = 3) -> bytes:
    """The same bytes with a few bits turned over, beyond the first quarter (the mp4's index)."""
    damaged = bytearray(content)
    random = np.random.default_rng(seed)
    for position in random.integers(len(content) // 4, len(content), size=count):
        damaged[position] ^= 1 << int(random.integers(8))
    return bytes(damaged)


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _sound_only(path: Path) -> Path:
    with av.open(str(path), "w") as output:
        _write_sound(output, output.add_stream("aac", rate=16_000, layout="mono"), 1.0)
    return path


def _huge_picture(path: Path, side: int = 12_000) -> Path:
    """A small file that holds one enormous picture."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=1, options={"preset": "ultrafast"})
        stream.width = stream.height = side
        frame = av.VideoFrame(side, side, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path
