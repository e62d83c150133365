"""The reader's frames: the right pictures at the right times, in whatever container."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from indexer.errors import DecodeFailed
from indexer.pyav_reader import PyAVReader
from indexer.settings import IndexSettings
from tests.corpus import RATE, SHOT_LENGTHS, VARIABLE_TIMES_S, read_number, shots, write_clip

SETTINGS = IndexSettings()
GOOD = (
    *("plain.mp4", "plain.mkv", "plain.mov", "vp9.webm", "av1.mp4", "hevc.mp4", "mpeg4.avi"),
    *("h264.avi", "plain.ts", "plain.m2ts", "plain.mpg", "plain.flv", "plain.wmv"),
    *("animated.gif", "live.webm", "variable.mp4", "offset.mp4", "offset.mkv"),
    *("no-edit-list.mp4", "ten-bit.mp4", "sound.mp4"),
)


def read(path: Path, *, short_side: int = 96) -> list[tuple[float, np.ndarray]]:
    with PyAVReader(path, short_side=short_side, settings=SETTINGS) as reader:
        return [(frame.time_s, frame.pixels()) for frame in reader.frames()]


@pytest.mark.parametrize("name", GOOD)
def test_each_frame_comes_once_in_order_at_its_time(
    good_videos: dict[str, Path], name: str
) -> None:
    truth_s = VARIABLE_TIMES_S if name == "variable.mp4" else np.arange(75) / RATE

    frames = read(good_videos[name])

    assert [read_number(pixels) for _, pixels in frames] == list(range(75))
    assert [time_s for time_s, _ in frames] == pytest.approx(truth_s, abs=0.002)


@pytest.mark.parametrize("name", GOOD)
def test_the_end_is_that_of_the_last_frame(good_videos: dict[str, Path], name: str) -> None:
    with PyAVReader(good_videos[name], short_side=96, settings=SETTINGS) as reader:
        last_s = [frame.time_s for frame in reader.frames()][-1]

    assert last_s < reader.end_s <= last_s + 0.11


@pytest.mark.parametrize("name", GOOD)
def test_small_pictures_of_neighbours_are_alike_and_of_shots_differ(
    good_videos: dict[str, Path], name: str
) -> None:
    with PyAVReader(good_videos[name], short_side=96, settings=SETTINGS) as reader:
        looks = [frame.look for frame in reader.frames()]
    changes = [float(np.abs(one - other).mean()) for one, other in pairwise(looks)]
    cuts = [SHOT_LENGTHS[0] - 1, sum(SHOT_LENGTHS[:2]) - 1]

    assert min(changes[cut] for cut in cuts) > 25
    assert max(change for i, change in enumerate(changes) if i not in cuts) < 10


def test_a_picture_that_starts_late_keeps_its_time(odd_videos: dict[str, Path]) -> None:
    assert read(odd_videos["late-picture.mp4"])[0][0] == pytest.approx(1.0)


def test_rotated_pictures_come_upright(tmp_path: Path) -> None:
    picture = np.zeros((96, 160, 3), np.uint8)
    picture[:48, :80] = (255, 0, 0)  # a red upper left quarter
    for rotation, corner in ((0, (0, 0)), (90, (1, 0)), (180, (1, 1)), (270, (0, 1))):
        path = write_clip(tmp_path / f"{rotation}.mp4", [picture] * 3, rotation=rotation)
        [(_, upright), *_] = read(path)
        height, width = upright.shape[:2]

        assert (height, width) == ((96, 160) if rotation % 180 == 0 else (160, 96))
        reds = {
            (down, right): upright[height * (1 + 2 * down) // 4, width * (1 + 2 * right) // 4, 0]
            for down in (0, 1)
            for right in (0, 1)
        }
        assert [place for place, red in reds.items() if red > 128] == [corner]


@pytest.mark.parametrize("size", [(2, 2), (3, 5), (2, 300), (161, 97), (1000, 30), (719, 405)])
@pytest.mark.parametrize("pixel_format", ["yuv444p", "gbrp"])
def test_any_size_can_be_read(tmp_path: Path, size: tuple[int, int], pixel_format: str) -> None:
    picture = np.full((size[1], size[0], 3), 90, np.uint8)
    path = write_clip(
        tmp_path / "size.mkv",
        [picture] * 2,
        container="matroska",
        codec="ffv1" if pixel_format == "yuv444p" else "libx264rgb",
        pixel_format="yuv444p" if pixel_format == "yuv444p" else "rgb24",
    )
    with PyAVReader(path, short_side=64, settings=SETTINGS) as reader:
        [first, _] = reader.frames()

    assert min(first.pixels().shape[:2]) <= 64
    assert first.look.shape[0] == 3


def test_damaged_frames_are_left_out_and_counted(odd_videos: dict[str, Path]) -> None:
    with PyAVReader(odd_videos["bits-flipped.mp4"], short_side=96, settings=SETTINGS) as reader:
        good = sum(1 for _ in reader.frames())

    assert good >= 50
    assert reader.bad_frames == 75 - good > 0


def test_frames_missing_from_a_cut_off_file_are_counted(odd_videos: dict[str, Path]) -> None:
    with PyAVReader(odd_videos["cut-off.mp4"], short_side=96, settings=SETTINGS) as reader:
        good = sum(1 for _ in reader.frames())

    assert good >= 15
    assert good + reader.bad_frames == pytest.approx(75, abs=2)


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


def test_a_video_that_turns_out_too_long_is_refused(good_videos: dict[str, Path]) -> None:
    settings = IndexSettings(max_hours=2.5 / 3600)
    with (
        pytest.raises(DecodeFailed, match="longer than max_hours allows"),
        PyAVReader(good_videos["live.webm"], short_side=96, settings=settings) as reader,
    ):
        list(reader.frames())


@pytest.mark.parametrize("name", ["plain.mp4", "vp9.webm", "offset.mp4", "h264.avi", "plain.ts"])
def test_the_picture_at_a_time_is_the_one_on_the_screen(
    good_videos: dict[str, Path], name: str
) -> None:
    shown = []
    for time_s in (0.0, 0.05, 1.96, 2.99):
        with PyAVReader(good_videos[name], short_side=96, settings=SETTINGS) as reader:
            shown.append(read_number(reader.picture_at(time_s)))

    assert shown == [0, 1, 49, 74]
