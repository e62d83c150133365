"""Copies of parts of videos in the containers and codecs that people have."""

import json
import subprocess
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from indexer.reading.settings import IndexSettings
from indexer.reading.streams import OpenStream
from tasks.clips import copying
from tasks.clips.copying import copied
from tasks.clips.job import CutJob
from tests.corpus import read_number, scene, shots, write_clip
from tests.programs import needed

SETTINGS = IndexSettings()
# Twelve pictures from keyframe to keyframe: one at 0.96 s, with pictures stored out of order.
X264 = {"options": {"g": "12", "bf": "2"}}
X265 = {"codec": "libx265", "options": {"x265-params": "log-level=none:keyint=12:min-keyint=12"}}


def copy(source: Path, start_s: float = 1.3, end_s: float = 2.5) -> tuple[float | None, Path]:
    target = source.parent / "copy.mp4"
    return copied(CutJob(source, target, start_s, end_s, SETTINGS, start_s - 1.0)), target


def numbers(clip: Path) -> list[int]:
    with av.open(str(clip)) as container:
        return [
            read_number(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)
        ]


def probed(clip: Path) -> list[dict[str, Any]]:
    command = [needed("ffprobe"), "-v", "error", "-show_streams", "-of", "json", str(clip)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    return json.loads(done.stdout)["streams"]


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska", "flv"])
def test_a_copy_holds_all_pictures_from_its_keyframe_on(container: str, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "source", shots([50, 50]), container=container, **X264)

    begins_s, clip = copy(source, 1.0, 2.0)

    assert begins_s == pytest.approx(0.96)
    assert numbers(clip)[:26] == list(range(24, 50))


def test_a_copy_of_hevc_plays_on_apples_machines(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "source.mkv", shots([50, 50]), container="matroska", **X265)

    begins_s, clip = copy(source, 1.0, 2.0)

    assert begins_s == pytest.approx(0.96)
    assert numbers(clip)[0] == 24
    assert probed(clip)[0]["codec_tag_string"] == "hvc1"


@pytest.mark.parametrize(("codec", "kept"), [("aac", True), ("mp3", True), ("pcm_s16le", False)])
def test_what_cannot_keep_its_sound_is_not_copied(codec: str, kept: bool, tmp_path: Path) -> None:
    source = _with_sound(tmp_path / "source.mkv", codec)

    begins_s, clip = copy(source, 0.5, 1.5)

    assert (begins_s is not None) == kept
    if kept:
        assert [stream["codec_name"] for stream in probed(clip)] == ["h264", codec]


def test_avi_does_not_say_when_pictures_are_shown(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "source.avi", shots([50]), container="avi", **X264)

    assert copy(source, 1.0, 1.5)[0] is None


def test_a_keyframe_that_is_too_far_back_is_not_copied_from(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "source.mp4", shots([100]), options={"g": "250"})

    begins_s, clip = copy(source, 3.0, 3.5)

    assert begins_s is None
    assert not clip.exists()


@pytest.mark.parametrize(
    ("from_s", "start_s", "begins_s"),
    [
        (0.97, 1.3, None),
        (0.9605, 1.3, 0.96),
        (0.5, 0.9595, 0.96),
        (0.4, 0.95, 0.48),
        (0.0, 0.2, 0.0),
        (-5.0, 0.0, 0.0),
    ],
)
def test_a_copy_begins_with_a_keyframe_between_two_times(
    from_s: float, start_s: float, begins_s: float | None, tmp_path: Path
) -> None:
    source = write_clip(tmp_path / "source.mp4", shots([50]), **X264)
    job = CutJob(source, tmp_path / "copy.mp4", start_s, 1.9, SETTINGS, from_s)
    found = copied(job)
    assert found == (None if begins_s is None else pytest.approx(begins_s))
    assert job.target.exists() is (begins_s is not None)


def test_nothing_is_copied_unless_that_is_wanted(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "source.mp4", shots([50]), **X264)
    assert copied(CutJob(source, tmp_path / "copy.mp4", 1.0, 1.9, SETTINGS)) is None


def test_a_file_whose_clock_does_not_lead_to_a_moment_is_not_copied(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "source.mp4", shots([50]), **X264)
    job = CutJob(source, tmp_path / "copy.mp4", 1.0, 1.9, SETTINGS, 0.0, length_s=9.0)
    assert copied(job) is None


def test_a_keyframe_is_wound_to_and_sound_before_it_is_looked_for_two_seconds_earlier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_clip(tmp_path / "source.mp4", shots([50]), **X264)
    went: list[float] = []
    real = OpenStream.seek

    def seek(video: OpenStream, time_stamp_s: float, **how: Any) -> None:
        went.append(round(time_stamp_s, 3))
        real(video, time_stamp_s, **how)

    monkeypatch.setattr(OpenStream, "seek", seek)
    copied(CutJob(source, tmp_path / "copy.mp4", 1.3, 1.9, SETTINGS, 0.0))
    assert went == [1.301, -1.04]


PICTURES = SimpleNamespace(index=0, type="video")
SOUND = SimpleNamespace(index=1, type="audio")


@dataclass
class Packet:
    """A packet of pictures, or of sound, with times in milliseconds."""

    pts: int | None
    dts: int | None = None
    stream: Any = field(default_factory=lambda: PICTURES)
    duration: int | None = 40
    time_base: Fraction = Fraction(1, 1000)


def part(*packets: Packet) -> list[int | None]:
    """The times of those packets that belong to the part from 1 to 2 seconds."""
    video: Any = SimpleNamespace(stream=PICTURES)
    return [packet.pts for packet in copying._part(iter(packets), video, 1.0, 2.0)]


def test_a_part_holds_what_is_shown_from_its_beginning_and_decoded_before_its_end() -> None:
    assert part(Packet(998, 998), Packet(999, 999), Packet(1000, 1000)) == [999, 1000]
    # A picture that is shown after the end may be needed by one before.
    assert part(Packet(2040, 1960), Packet(2080, 2000)) == [2040]
    assert part(Packet(1999, 1999, SOUND), Packet(2000, 1999, SOUND)) == [1999]


def test_sound_is_looked_for_until_pictures_are_two_seconds_past_the_end() -> None:
    late = Packet(1500, 1500, SOUND)
    assert part(Packet(3999, 3999), late) == [1500]
    assert part(Packet(4000, 4000), late) == []
    assert part(Packet(9000, 9000, SOUND), late) == [1500]


def rising(*packets: Packet) -> list[int | None]:
    return [packet.dts for packet in copying._rising(iter(packets))]


def test_sound_that_overlaps_is_left_out_and_pictures_that_do_are_not_copied() -> None:
    assert rising(Packet(0, -5), Packet(0, 0, SOUND), Packet(40, 35), Packet(9, 0, SOUND)) == [
        -5,
        0,
        35,
    ]
    with pytest.raises(copying._NotInOrderError):
        rising(Packet(0, 5), Packet(40, 5))


def timed(*packets: Packet) -> list[tuple[int | None, int | None]]:
    return [(packet.pts, packet.dts) for packet in copying._timed(iter(packets))]


def test_times_of_decoding_are_counted_back_from_the_first_that_is_told() -> None:
    first = [Packet(100), Packet(60), Packet(80, 20)]
    assert timed(*first) == [(100, -60), (60, -20), (80, 20)]
    assert timed(Packet(5), Packet(9, 3, duration=0)) == [(5, 2), (9, 3)]
    assert timed(Packet(5), Packet(9, 3, duration=None)) == [(5, 2), (9, 3)]
    assert timed(Packet(None, 3), Packet(9, 3)) == [(9, 3)]


def test_each_streams_times_are_counted_back_by_its_own() -> None:
    packets = [Packet(100), Packet(7, None, SOUND), Packet(50, 50, SOUND), Packet(140, 140)]
    assert timed(*packets) == [(7, 10), (50, 50), (100, 100), (140, 140)]


def test_what_tells_no_time_of_decoding_for_long_is_given_up() -> None:
    for untold, given in ((32, 33), (33, 0)):
        packets = [Packet(40 * number) for number in range(untold)]
        assert len(timed(*packets, Packet(2000, 2000))) == given


def _with_sound(path: Path, codec: str, *, rate: int = 48_000) -> Path:
    with av.open(str(path), "w") as output:
        picture = output.add_stream("libx264", rate=25, options={"g": "12"})
        picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
        sound = output.add_stream(codec, rate=rate, layout="mono")
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(scene(number, width=64, height=64), format="rgb24")
            output.mux(picture.encode(frame))
        output.mux(picture.encode())
        resampler = av.AudioResampler(format=sound.format.name, layout="mono", rate=rate)
        for start in range(0, 2 * rate, 1152):
            block = np.zeros((1, 1152), np.int16)
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            for same in resampler.resample(frame):
                output.mux(sound.encode(same))
        output.mux(sound.encode())
    return path


@pytest.mark.parametrize(
    ("packets", "is_copied"),
    [([], False), ([(1000, False), (1040, True)], False), ([(None, True), (1000, True)], True)],
)
def test_a_file_is_copied_where_winding_leads_to_a_keyframe(
    packets: list[tuple[int | None, bool]],
    is_copied: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = write_clip(tmp_path / "source.mp4", shots([50]), **X264)
    found = [
        SimpleNamespace(pts=pts, is_keyframe=is_one, time_base=Fraction(1, 1000))
        for pts, is_one in packets
    ]
    monkeypatch.setattr(OpenStream, "packets", lambda *_: iter(found))
    monkeypatch.setattr(copying, "_copy", lambda *_: None)
    job = CutJob(source, tmp_path / "copy.mp4", 1.3, 1.9, SETTINGS, 0.0)
    assert copied(job) == (1.0 if is_copied else None)


@pytest.mark.parametrize(
    ("container", "pictures", "sound", "fits"),
    [
        ("mp4", "h264", None, True),
        ("matroska", "av1", "opus", True),
        ("flv", "mpeg4", "mp3", True),
        ("avi", "h264", None, False),
        ("mp4", "vp9", None, False),
        ("mp4", "h264", "pcm_s16le", False),
        ("mp4", "h264", "unknown", False),
        ("mp4", "unknown", None, False),
    ],
)
def test_what_an_mp4_may_hold_is_copied(
    container: str, pictures: str, sound: str | None, fits: bool
) -> None:
    def stream(codec: str) -> SimpleNamespace:
        known = SimpleNamespace(codec=SimpleNamespace(canonical_name=codec))
        return SimpleNamespace(codec_context=None if codec == "unknown" else known)

    audio = [] if sound is None else [stream(sound)]
    video: Any = SimpleNamespace(
        name=container,
        stream=stream(pictures),
        container=SimpleNamespace(streams=SimpleNamespace(audio=audio)),
    )
    assert copying._fits_mp4(video) is fits
