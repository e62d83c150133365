from pathlib import Path

import av
import pytest

from benchmarks.inputs.footage import Shot, write_clip, write_repeated


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shots = [Shot(0.4, motion_px=8), Shot(0.2, motion_px=0)]
    return write_clip(tmp_path_factory.mktemp("footage") / "clip.mp4", shots, seed=1)


def times_s(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


def test_a_clip_lasts_as_long_as_its_shots(clip):
    assert times_s(clip) == pytest.approx([number / 30 for number in range(18)])


def test_repeated_packets_make_one_long_video_without_a_gap(clip, tmp_path):
    long = write_repeated(tmp_path / "long.mp4", clip, times=3)
    assert times_s(long) == pytest.approx([number / 30 for number in range(54)])
