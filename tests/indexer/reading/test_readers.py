"""What every reader must do: the right pictures at the right times, in whatever container."""

import os
import sys
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from indexer.reading.decord_reader import DecordReader
from indexer.reading.errors import DecodeFailed
from indexer.reading.frames import Reader
from indexer.reading.probe import probe
from indexer.reading.settings import IndexSettings
from indexer.reading.video import DecodeSummary, open_reader
from indexer.reading.worker import DecodeWorker
from tests.corpus import (
    ODD_NAMES,
    RATE,
    SHOT_LENGTHS,
    VARIABLE_TIMES_S,
    read_number,
    shots,
    write_clip,
)

READERS = ("pyav", "decord")
GOOD = (
    *("plain.mp4", "plain.mkv", "plain.mov", "vp9.webm", "av1.mp4", "hevc.mp4", "mpeg4.avi"),
    *("h264.avi", "plain.ts", "plain.m2ts", "plain.mpg", "plain.flv", "plain.wmv"),
    *("animated.gif", "live.webm", "variable.mp4", "offset.mp4", "offset.mkv"),
    *("no-edit-list.mp4", "ten-bit.mp4", "sound.mp4"),
)
BY_DECORD = {
    *("plain.mp4", "plain.mkv", "plain.mov", "vp9.webm", "av1.mp4", "hevc.mp4", "plain.flv"),
    *("variable.mp4", "offset.mp4", "offset.mkv", "no-edit-list.mp4", "ten-bit.mp4", "sound.mp4"),
}

every_reader = pytest.mark.parametrize("decoder", READERS)


def open_with(decoder: str, path: Path, *, max_hours: float = 12.0) -> Reader:
    settings = IndexSettings.model_validate({"decoder": decoder, "max_hours": max_hours})
    return open_reader(path, short_side=96, settings=settings)


def read(decoder: str, path: Path) -> list[tuple[float, np.ndarray]]:
    with open_with(decoder, path) as reader:
        return [(frame.time_s, frame.pixels()) for frame in reader.frames()]


@every_reader
@pytest.mark.parametrize("name", GOOD)
def test_each_frame_comes_once_in_order_at_its_time(
    good_videos: dict[str, Path], decoder: str, name: str
) -> None:
    truth_s = VARIABLE_TIMES_S if name == "variable.mp4" else np.arange(75) / RATE

    with open_with(decoder, good_videos[name]) as reader:
        frames = [(frame.time_s, read_number(frame.pixels())) for frame in reader.frames()]

        assert [number for _, number in frames] == list(range(75))
        assert [time_s for time_s, _ in frames] == pytest.approx(truth_s, abs=0.002)
        assert frames[-1][0] < reader.end_s <= frames[-1][0] + 0.11
        assert reader.info == probe(good_videos[name], IndexSettings())
        assert reader.bad_frames == 0


@every_reader
@pytest.mark.parametrize("name", GOOD)
def test_small_pictures_of_neighbours_are_alike_and_of_shots_differ(
    good_videos: dict[str, Path], decoder: str, name: str
) -> None:
    with open_with(decoder, good_videos[name]) as reader:
        looks = [frame.look for frame in reader.frames()]
    changes = [float(np.abs(one - other).mean()) for one, other in pairwise(looks)]
    cuts = [SHOT_LENGTHS[0] - 1, sum(SHOT_LENGTHS[:2]) - 1]

    assert min(changes[cut] for cut in cuts) > 25
    assert max(change for i, change in enumerate(changes) if i not in cuts) < 10


@every_reader
@pytest.mark.parametrize(
    ("colour", "levels"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (82, 90, 240)),
        ((0, 0, 255), (41, 240, 110)),
    ],
)
def test_small_pictures_hold_brightness_blue_and_red(
    tmp_path: Path, decoder: str, colour: tuple[int, int, int], levels: tuple[int, int, int]
) -> None:
    picture = np.full((96, 160, 3), colour, np.uint8)
    with open_with(decoder, write_clip(tmp_path / "colour.mp4", [picture] * 3)) as reader:
        look = next(reader.frames()).look

    assert look.dtype == np.float32
    assert look.mean(axis=(1, 2)) == pytest.approx(levels, abs=3)


@pytest.mark.parametrize("name", [*GOOD, "rotated.mp4"])
def test_decord_reads_the_files_that_it_reads_right(
    good_videos: dict[str, Path], odd_videos: dict[str, Path], name: str
) -> None:
    reader = open_with("decord", (good_videos | odd_videos)[name])

    assert isinstance(reader, DecordReader)
    with reader:
        assert reader.by_decord == (name in BY_DECORD)


@every_reader
def test_a_picture_that_starts_late_keeps_its_time(
    odd_videos: dict[str, Path], decoder: str
) -> None:
    assert read(decoder, odd_videos["late-picture.mp4"])[0][0] == pytest.approx(1.0)


@every_reader
@pytest.mark.parametrize(("name", "count"), [("one-frame.mp4", 1), ("tenth-of-a-second.mp4", 3)])
def test_the_shortest_videos_are_read_whole(
    odd_videos: dict[str, Path], decoder: str, name: str, count: int
) -> None:
    with open_with(decoder, odd_videos[name]) as reader:
        assert [read_number(frame.pixels()) for frame in reader.frames()] == list(range(count))
        assert reader.end_s == pytest.approx(count / RATE)


@every_reader
def test_rotated_pictures_come_upright(tmp_path: Path, decoder: str) -> None:
    picture = np.zeros((96, 160, 3), np.uint8)
    picture[:48, :80] = (255, 0, 0)  # a red upper left quarter
    for rotation, corner in ((0, (0, 0)), (90, (1, 0)), (180, (1, 1)), (270, (0, 1))):
        path = write_clip(tmp_path / f"{rotation}.mp4", [picture] * 3, rotation=rotation)
        [(_, upright), *_] = read(decoder, path)
        height, width = upright.shape[:2]

        assert (height, width) == ((96, 160) if rotation % 180 == 0 else (160, 96))
        reds = {
            (down, right): upright[height * (1 + 2 * down) // 4, width * (1 + 2 * right) // 4, 0]
            for down in (0, 1)
            for right in (0, 1)
        }
        assert [place for place, red in reds.items() if red > 128] == [corner]


@every_reader
@pytest.mark.parametrize("size", [(2, 2), (3, 5), (2, 300), (161, 97), (1000, 30), (719, 405)])
@pytest.mark.parametrize("codec", ["ffv1", "libx264rgb"])
def test_any_size_can_be_read(
    tmp_path: Path, decoder: str, size: tuple[int, int], codec: str
) -> None:
    picture = np.full((size[1], size[0], 3), 90, np.uint8)
    path = write_clip(
        tmp_path / "size.mkv",
        [picture] * 2,
        container="matroska",
        codec=codec,
        pixel_format="yuv444p" if codec == "ffv1" else "rgb24",
    )
    with open_with(decoder, path) as reader:
        [first, _] = reader.frames()

    assert min(first.pixels().shape[:2]) == 96
    assert first.look.shape[0] == 3


@every_reader
def test_a_beginning_that_an_edit_list_cuts_off_is_not_shown(tmp_path: Path, decoder: str) -> None:
    path = write_trimmed(tmp_path, shots([50]), from_s=0.4)

    frames = read(decoder, path)

    assert [read_number(pixels) for _, pixels in frames] == list(range(10, 50))
    assert [time_s for time_s, _ in frames] == pytest.approx(np.arange(40) / RATE, abs=0.002)


@every_reader
def test_damage_does_not_stop_a_reader(odd_videos: dict[str, Path], decoder: str) -> None:
    with open_with(decoder, odd_videos["bits-flipped.mp4"]) as reader:
        times_s = [frame.time_s for frame in reader.frames()]

        assert len(times_s) >= 50
        assert len(times_s) + reader.bad_frames == 75
        assert all(before < after for before, after in pairwise(times_s))


@every_reader
def test_an_end_that_an_edit_list_cuts_off_is_not_shown(tmp_path: Path, decoder: str) -> None:
    path = shortened(write_clip(tmp_path / "whole.mp4", shots([50])), to_s=1.2)

    with open_with(decoder, path) as reader:
        numbers = [read_number(frame.pixels()) for frame in reader.frames()]

        assert len(numbers) == pytest.approx(30, abs=2)
        assert numbers == list(range(len(numbers)))
        assert reader.bad_frames == 0


@every_reader
def test_frames_missing_from_a_cut_off_file_are_counted(
    odd_videos: dict[str, Path], decoder: str
) -> None:
    with open_with(decoder, odd_videos["cut-off.mp4"]) as reader:
        numbers = [read_number(frame.pixels()) for frame in reader.frames()]

        assert len(numbers) >= 15
        assert numbers == list(range(len(numbers)))
        assert len(numbers) + reader.bad_frames == pytest.approx(75, abs=2)


@every_reader
def test_frames_missing_from_a_file_cut_off_between_frames_are_counted(
    tmp_path: Path, decoder: str
) -> None:
    path = write_clip(
        tmp_path / "whole.mp4", shots([75]), container_options={"movflags": "faststart"}
    )
    with av.open(str(path)) as whole:
        packets = [packet for packet in whole.demux(video=0) if packet.size]
        end = packets[39].pos + packets[39].size
    path.write_bytes(path.read_bytes()[:end])

    with open_with(decoder, path) as reader:
        count = sum(1 for _ in reader.frames())

        assert count >= 35
        assert count + reader.bad_frames == pytest.approx(75, abs=2)


@every_reader
def test_refused_files_are_refused(refused_files: dict[str, Path], decoder: str) -> None:
    for path in refused_files.values():
        with pytest.raises(DecodeFailed), open_with(decoder, path):
            pass


@every_reader
def test_any_file_name_can_be_read(
    good_videos: dict[str, Path], tmp_path: Path, decoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for raw_name in ODD_NAMES:
        path = Path(os.fsdecode(raw_name))
        path.write_bytes(good_videos["plain.mp4"].read_bytes())

        assert len(read(decoder, path)) == 75


@every_reader
def test_a_video_that_turns_out_too_long_is_refused(
    good_videos: dict[str, Path], decoder: str
) -> None:
    with (
        pytest.raises(DecodeFailed, match="longer than max_hours allows"),
        open_with(decoder, good_videos["live.webm"], max_hours=2.5 / 3600) as reader,
    ):
        list(reader.frames())


@every_reader
@pytest.mark.parametrize("name", ["plain.mp4", "vp9.webm", "offset.mp4", "h264.avi", "plain.ts"])
def test_the_picture_at_a_time_is_the_one_on_the_screen(
    good_videos: dict[str, Path], decoder: str, name: str
) -> None:
    shown = []
    for time_s in (0.0, 0.05, 1.96, 2.99, 100.0):
        with open_with(decoder, good_videos[name]) as reader:
            shown.append(read_number(reader.picture_at(time_s)))

    assert shown == [0, 1, 49, 74, 74]


def test_decord_is_not_given_files_that_would_fill_the_memory(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "large.mp4", shots([10]))
    with path.open("ab") as file:
        file.truncate(600 * 1024**2)

    with DecordReader(path, short_side=96, settings=IndexSettings()) as reader:
        assert not reader.by_decord
        assert sum(1 for _ in reader.frames()) == 10


@pytest.mark.skipif(sys.platform != "linux", reason="only there decord loads other libraries")
def test_decord_fits_into_the_memory_of_a_decoding_process(good_videos: dict[str, Path]) -> None:
    settings = IndexSettings(decoder="decord", decoder_memory_gb=1)
    with DecodeWorker() as worker:
        *_, summary = worker.decode(good_videos["plain.mp4"], short_side=96, settings=settings)

    assert isinstance(summary, DecodeSummary)
    assert summary.duration_s == pytest.approx(3.0)


def write_trimmed(folder: Path, frames: list[np.ndarray], *, from_s: float) -> Path:
    """An mp4 whose edit list begins in the middle, as telephones trim videos."""
    whole = write_clip(folder / "whole.mp4", frames)
    trimmed = folder / "trimmed.mp4"
    options = {"avoid_negative_ts": "disabled"}
    with av.open(str(whole)) as source, av.open(str(trimmed), "w", options=options) as output:
        stream = source.streams.video[0]
        copy = output.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None and packet.pts is not None:
                packet.pts -= round(from_s / stream.time_base)
                packet.dts -= round(from_s / stream.time_base)
                packet.stream = copy
                output.mux(packet)
    return trimmed


def shortened(path: Path, *, to_s: float) -> Path:
    """The same mp4 file, whose edit list now ends early; its packets stay."""
    content = bytearray(path.read_bytes())
    # The table's head of 8 bytes is followed by the length of the first edit, in milliseconds.
    length_at = content.find(b"elst") + 12
    content[length_at : length_at + 4] = round(to_s * 1000).to_bytes(4, "big")
    path.write_bytes(content)
    return path
