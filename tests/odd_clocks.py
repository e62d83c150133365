"""Videos whose clocks are odd: joined, run over, begun late or early, with sound that goes astray.

Each picture carries its number, and a beep sounds whenever a number is a multiple of `BEEP_EVERY`:
what is cut from them tells by itself whether pictures and sound are those of the time asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.corpus import numbered, scene

RATE = 25
BEEP_EVERY = 50
BEEP_S = 0.08
_SOUND_RATE = 48_000
_RUNS_OVER_S = 2**33 / 90_000
_X264 = {"preset": "ultrafast", "g": "12", "bf": "2", "sc_threshold": "0"}
_MPEG2 = {"g": "12", "bf": "2", "b": "2000000"}


@dataclass(frozen=True)
class Part:
    """A recording by one clock. Times in seconds of that clock.

    numbers: of its pictures, which are shown one after the other from `begins_s` on
    sound_from_s, sound_to_s: what is heard before (negative) and after the pictures
    stray_s: if set, the time of one packet of sound that comes far from all others
    """

    numbers: range
    begins_s: float = 0.0
    sound_from_s: float = 0.0
    sound_to_s: float = 0.0
    stray_s: float | None = None
    rate: int = RATE


@dataclass(frozen=True)
class OddVideo:
    """How a file is made of parts.

    missing: numbers of pictures that the demuxer leaves out
    """

    container: str
    parts: Sequence[Part]
    picture: str = "libx264"
    sound: str | None = "aac"
    picture_options: dict[str, str] = field(default_factory=lambda: dict(_X264))
    container_options: dict[str, str] = field(default_factory=dict)
    missing: range = range(0)

    @property
    def pictures(self) -> int:
        return sum(len(part.numbers) for part in self.parts)

    @property
    def rate(self) -> int:
        return self.parts[0].rate


def _thirds(*begins_s: float, overlap_s: float = 0.0) -> list[Part]:
    return [
        Part(range(100 * place, 100 * (place + 1)), begin_s, sound_to_s=overlap_s)
        for place, begin_s in enumerate(begins_s)
    ]


_WHOLE = range(150)
_TS = {"container": "mpegts", "sound": "mp2"}
_DVD = {"container": "vob", "picture": "mpeg2video", "picture_options": _MPEG2, "sound": "ac3"}
_MKV = {"container": "matroska"}
_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}

ODD_VIDEOS = {
    "joined.ts": OddVideo(parts=_thirds(0, 0, 0), **_TS),
    "joined-silent.ts": OddVideo("mpegts", _thirds(0, 0, 0), sound=None),
    "joined-sound-overlaps.ts": OddVideo("mpegts", _thirds(0, 0, 0, overlap_s=0.023)),
    "joined-to-an-earlier-clock.ts": OddVideo(parts=_thirds(600, 0, 300), **_TS),
    "joined-to-a-later-clock.ts": OddVideo(parts=_thirds(0, 3600, 40_000), **_TS),
    "advertisement-between.ts": OddVideo(parts=_thirds(0, 1000, 8), **_TS),
    "runs-over.ts": OddVideo(parts=[Part(_WHOLE, _RUNS_OVER_S - 3)], **_TS),
    "runs-over-late.ts": OddVideo(parts=[Part(range(340), 95_380, rate=5)], **_TS),
    "joined-and-runs-over.ts": OddVideo(parts=_thirds(95_442, 0, 50), **_TS),
    "late-clock.ts": OddVideo(parts=[Part(_WHOLE, 50_000)], **_TS),
    "open-gop.ts": OddVideo(
        "mpegts",
        [Part(_WHOLE)],
        sound="mp2",
        picture_options=_X264 | {"x264-params": "open-gop=1:keyint=12:min-keyint=12"},
    ),
    "sound-first.ts": OddVideo(parts=[Part(_WHOLE, 2.4, -2.4)], **_TS),
    "sound-first.mp4": OddVideo("mp4", [Part(_WHOLE, 2.4, -2.4)]),
    "sound-first.mkv": OddVideo(parts=[Part(_WHOLE, 2.4, -2.4)], **_MKV),
    "sound-goes-on.ts": OddVideo(parts=[Part(_WHOLE, sound_to_s=30)], **_TS),
    "sound-goes-on.mkv": OddVideo(parts=[Part(_WHOLE, sound_to_s=30)], **_MKV),
    "stray-sound.mkv": OddVideo(parts=[Part(_WHOLE, stray_s=3600)], **_MKV),
    "stray-sound-beyond-the-limit.mkv": OddVideo(parts=[Part(_WHOLE, stray_s=80_000)], **_MKV),
    "stray-sound.mp4": OddVideo("mp4", [Part(_WHOLE, stray_s=3600)]),
    "stray-sound.ts": OddVideo(parts=[Part(_WHOLE, stray_s=3600)], **_TS),
    "stray-sound.mpg": OddVideo(parts=[Part(_WHOLE, stray_s=3600)], **_DVD),
    "dvd.vob": OddVideo(parts=[Part(_WHOLE)], **_DVD),
    "joined.vob": OddVideo(parts=_thirds(0, 0, 0), **_DVD),
    "joined.mkv": OddVideo(parts=_thirds(0, 0), **_MKV),
    "joined-live.mkv": OddVideo("matroska", _thirds(0, 0, 0), container_options={"live": "1"}),
    "joined-fragments.mp4": OddVideo(
        "mp4",
        _thirds(0, 0),
        picture_options=_X264 | {"bf": "0"},
        container_options=_FRAGMENTS,
        missing=range(100, 112),  # of a second beginning, which mp4 does not know
    ),
    "late-clock.mkv": OddVideo(parts=[Part(_WHOLE, 5000)], **_MKV),
    "edit-list.mp4": OddVideo("mp4", [Part(_WHOLE, -1.0)], missing=range(25)),
    "plain.mp4": OddVideo("mp4", [Part(_WHOLE)]),
    "late-clock.flv": OddVideo("flv", [Part(_WHOLE, 50)]),
}


def write_odd(folder: Path, name: str) -> Path:
    """The file of this name in `ODD_VIDEOS`."""
    how = ODD_VIDEOS[name]
    file = folder / name
    with file.open("wb") as joined:
        for part in how.parts:
            piece = folder / f"part-of-{name}"
            write_part(piece, how, part)
            joined.write(piece.read_bytes())
            piece.unlink()
    return file


def with_damaged_sound(path: Path, *, share: float) -> Path:
    """The same mp4 file, but this share of the packets of its sound, the first ones, is noise."""
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
    for packet in packets[: round(share * len(packets))]:
        content[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    path.write_bytes(content)
    return path


def write_part(path: Path, how: OddVideo, part: Part) -> None:
    """One recording, as a file by itself."""
    options = {"avoid_negative_ts": "disabled", **how.container_options}
    with av.open(str(path), "w", format=how.container, options=options) as output:
        pictures = output.add_stream(how.picture, rate=part.rate, options=how.picture_options)
        pictures.width, pictures.height, pictures.pix_fmt = 160, 96, "yuv420p"
        sound = None
        if how.sound is not None:
            sound = output.add_stream(how.sound, rate=_SOUND_RATE, layout="stereo")
            sound.bit_rate = 96_000
        packets = _picture_packets(pictures, part)
        if sound is not None:
            packets += _sound_packets(sound, part)
        for packet in sorted(packets, key=lambda one: one.dts * one.time_base):
            output.mux(packet)


def _picture_packets(stream: Any, part: Part) -> list[Any]:
    packets = []
    backdrop = scene(part.numbers.start + 1)
    for place, number in enumerate(part.numbers):
        frame = av.VideoFrame.from_ndarray(numbered(backdrop, number), format="rgb24")
        frame.pts, frame.time_base = place, Fraction(1, part.rate)
        packets += stream.encode(frame)
    return _moved([*packets, *stream.encode(None)], part.begins_s)


def _sound_packets(stream: Any, part: Part) -> list[Any]:
    length_s = len(part.numbers) / part.rate
    begin, end = (
        round(time_s * _SOUND_RATE) for time_s in (part.sound_from_s, length_s + part.sound_to_s)
    )
    seconds = np.arange(begin, end) / _SOUND_RATE
    since_s = (seconds + part.numbers.start / part.rate) % (BEEP_EVERY / part.rate)
    heard = (since_s < BEEP_S) & (seconds >= 0) & (seconds < length_s)
    samples = np.where(heard, 0.6 * np.sin(seconds * 2 * np.pi * 1000), 0).astype(np.float32)
    to_form = av.AudioResampler(format=stream.format.name, layout="stereo", rate=_SOUND_RATE)
    packets = []
    for start in range(0, len(samples), 1152):
        block = np.ascontiguousarray(np.tile(samples[start : start + 1152], (2, 1)))
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.time_base = _SOUND_RATE, Fraction(1, _SOUND_RATE)
        frame.pts = start
        for same in to_form.resample(frame):
            packets += stream.encode(same)
    packets = _moved([*packets, *stream.encode(None)], part.begins_s + part.sound_from_s)
    if part.stray_s is not None:
        _moved(packets[-1:], part.stray_s - length_s)
    return packets


def _moved(packets: list[Any], by_s: float) -> list[Any]:
    for packet in packets:
        shift = round(Fraction(by_s) / packet.time_base)
        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
    return packets
