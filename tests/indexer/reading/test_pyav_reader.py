"""What PyAV does beyond the conformance suite: damage, clocks set back, sizes that change."""

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from indexer.reading import pyav_reader
from indexer.reading.pyav_reader import PyAVReader
from indexer.reading.settings import IndexSettings
from indexer.reading.streams import OpenStream
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


@pytest.mark.parametrize(
    ("leads_to", "ways"),
    [
        ([0.6], ["1"]),
        ([2.0, 0.6], ["1", "-9"]),
        ([2.0, 2.0], ["1", "-9", "rewind"]),
        ([99.0, 99.0], ["1", "-9", "rewind"]),
        ([99.0, 0.0], ["1", "-9"]),
    ],
)
def test_winding_that_goes_too_far_begins_earlier_and_then_at_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leads_to: list[float], ways: list[str]
) -> None:
    path = write_clip(tmp_path / "a.mp4", shots([75]), options={"g": "5"})
    went: list[str] = []
    real_seek, real_rewind = OpenStream.seek, OpenStream.rewind

    def seek(video: OpenStream, time_stamp_s: float, **how: object) -> None:
        went.append(f"{time_stamp_s:g}")
        real_seek(video, leads_to[len(went) - 1])
        if leads_to[len(went) - 1] > 3:
            list(video.pictures())

    def rewind(video: OpenStream) -> None:
        went.append("rewind")
        real_rewind(video)

    with PyAVReader(path, short_side=96, settings=SETTINGS) as reader:
        monkeypatch.setattr(OpenStream, "seek", seek)
        monkeypatch.setattr(OpenStream, "rewind", rewind)
        assert read_number(reader.picture_at(1.0)) == 25
        assert went == ways


def test_a_picture_is_on_the_screen_from_a_rounded_millisecond_before_its_time(good_videos):
    with PyAVReader(good_videos["plain.mp4"], short_side=96, settings=SETTINGS) as reader:
        shown = [read_number(reader.picture_at(time_s)) for time_s in (0.9985, 0.9995, 1.0)]
        assert shown == [24, 25, 25]
        assert read_number(reader.picture_at(-5.0)) == 0
        assert read_number(reader.picture_at(99.0)) == 74


def test_a_reader_tells_when_its_last_picture_goes_off_the_screen(good_videos):
    for name in ("plain.mp4", "plain.mkv", "plain.ts", "h264.avi"):
        with PyAVReader(good_videos[name], short_side=96, settings=SETTINGS) as reader:
            assert reader.end_s == 0
            frames = reader.frames()
            next(frames)
            assert reader.end_s == pytest.approx(0.04, abs=0.002)
            list(frames)
            assert reader.end_s == pytest.approx(3.0, abs=0.002)
            assert reader.first_s == pytest.approx(0, abs=0.001)
    with PyAVReader(good_videos["offset.mp4"], short_side=96, settings=SETTINGS) as reader:
        assert reader.first_s == 0
        list(reader.frames_after(1.0))
        assert reader.end_s == pytest.approx(3.0)


def test_frames_that_a_file_announces_after_its_end_are_missing_from_half_a_second_on(good_videos):
    with PyAVReader(good_videos["plain.mp4"], short_side=96, settings=SETTINGS) as reader:
        assert [reader.missing_frames(end_s) for end_s in (3.0, 2.52, 2.48, 2.0)] == [0, 0, 13, 25]
    with PyAVReader(good_videos["plain.mkv"], short_side=96, settings=SETTINGS) as reader:
        assert reader.missing_frames(1.0) == 0
    with PyAVReader(good_videos["offset.mp4"], short_side=96, settings=SETTINGS) as reader:
        assert reader.missing_frames(2.0) == 25


def test_times_that_are_stored_in_the_order_of_decoding_are_put_in_order():
    timed = pyav_reader._in_order(iter(zip("abcdefg", (0, 4, 2, 1, 3, 5, 6), strict=True)))
    assert list(timed) == list(zip("abcdefg", range(7), strict=True))
    # Four wait: a time that comes five places late is out of order all the same.
    timed = pyav_reader._in_order(iter(zip("abcdefg", (1, 2, 3, 4, 5, 0, 6), strict=True)))
    assert [time for _, time in timed] == [1, 0, 2, 3, 4, 5, 6]


def test_pictures_without_a_time_follow_the_one_before():
    times = [None, 2.0, None, None, 5.0]
    pictures = [SimpleNamespace(time=time) for time in times]
    found = [time for _, time in pyav_reader._with_times(iter(pictures), usual_s=0.5)]
    assert found == [0.0, 2.0, 2.5, 3.0, 5.0]


def test_times_begin_at_the_timelines_start_and_rise():
    timed = zip("abcde", (9.0, 10.0, 10.5, 10.5, 10.2), strict=True)
    assert list(pyav_reader._rising(timed, start_s=10.0)) == [("a", 0.0), ("c", 0.5)]
