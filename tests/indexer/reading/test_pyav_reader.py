"""What PyAV does beyond the conformance suite: damage, clocks set back, sizes that change."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from indexer.reading.pyav_reader import PyAVReader
from indexer.reading.settings import IndexSettings
from tests.corpus import RATE, read_number, shots, write_clip

SETTINGS = IndexSettings()


def read(path: Path, *, short_side: int = 96) -> list[tuple[float, np.ndarray]]:
    with PyAVReader(path, short_side=short_side, settings=SETTINGS) as reader:
        return [(frame.time_s, frame.pixels()) for frame in reader.frames()]


def test_damaged_frames_are_left_out_and_counted(odd_videos: dict[str, Path]) -> None:
    with PyAVReader(odd_videos["bits-flipped.mp4"], short_side=96, settings=SETTINGS) as reader:
        good = sum(1 for _ in reader.frames())

    assert good >= 50
    assert reader.bad_frames == 75 - good > 0


def test_a_clock_that_is_set_back_goes_on(tmp_path: Path) -> None:
    first = write_clip(tmp_path / "1.ts", shots([50]), container="mpegts")
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() * 2)

    times_s = [time_s for time_s, _ in read(both)]

    assert len(times_s) >= 98
    assert all(before < after for before, after in pairwise(times_s))
    assert times_s[-1] == pytest.approx(4.0, abs=0.2)


def test_pictures_may_change_their_size_in_the_middle(tmp_path: Path) -> None:
    small = write_clip(tmp_path / "1.ts", shots([20]), container="mpegts")
    large = write_clip(tmp_path / "2.ts", shots([20], width=320, height=240), container="mpegts")
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())

    with PyAVReader(both, short_side=96, settings=SETTINGS) as reader:
        shapes = {(frame.pixels().shape, frame.look.shape) for frame in reader.frames()}

    assert shapes == {((96, 160, 3), (3, 48, 80))}


@pytest.mark.parametrize("name", ["plain.mp4", "vp9.webm", "offset.mp4"])
def test_frames_after_a_time_are_the_rest(good_videos: dict[str, Path], name: str) -> None:
    with PyAVReader(good_videos[name], short_side=96, settings=SETTINGS) as reader:
        rest = [(frame.time_s, frame.pixels()) for frame in reader.frames_after(1.96)]

        assert [read_number(pixels) for _, pixels in rest] == list(range(50, 75))
        assert rest[0][0] == pytest.approx(2.0)
        assert reader.bad_frames == 0


def test_damage_that_was_met_before_is_not_counted_again(odd_videos):
    path = odd_videos["bits-flipped.mp4"]
    with PyAVReader(path, short_side=96, settings=SETTINGS) as reader:
        late_s = [frame.time_s for frame in reader.frames()][-2]
        assert reader.bad_frames >= 1
    with PyAVReader(path, short_side=96, settings=SETTINGS) as reader:
        shown = len(list(reader.frames_after(late_s)))
        assert shown + reader.bad_frames <= 75 - round(late_s * RATE) - 1


def test_damage_of_the_first_picture_is_not_counted_later_on(good_videos, tmp_path):
    content = bytearray(good_videos["plain.mp4"].read_bytes())
    with av.open(str(good_videos["plain.mp4"])) as video:
        first = next(video.demux(video=0))
        content[first.pos + first.size // 2] ^= 0xFF
    path = tmp_path / "first-damaged.mp4"
    path.write_bytes(content)
    with PyAVReader(path, short_side=96, settings=SETTINGS) as reader:
        assert reader.bad_frames > 0
        assert len(list(reader.frames_after(1.96))) == 25
        assert reader.bad_frames == 0
