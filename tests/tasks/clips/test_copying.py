"""Copies of parts of videos in the containers and codecs that people have."""

import json
import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from indexer.reading.settings import IndexSettings
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
