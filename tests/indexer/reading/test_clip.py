"""Which frames of a clip are taken, read back from the numbers in the pictures."""

from pathlib import Path

import pytest

from indexer.reading import clip as clip_frames
from indexer.reading.clip import ClipFrames, sample_clip
from indexer.reading.errors import DecodeFailed
from indexer.reading.sampling import Sampling
from indexer.reading.settings import IndexSettings
from indexer.reading.worker import DecodeWorker
from tests.corpus import read_number, shots, write_clip


def numbers(clip: ClipFrames) -> list[int]:
    return [read_number(frame) for frame in clip.frames]


def sample(
    path: Path, start_s: float | None = None, end_s: float | None = None, **how
) -> ClipFrames:
    return sample_clip(
        path,
        start_s=start_s,
        end_s=end_s,
        sampling=Sampling(**how),
        short_side=96,
        settings=IndexSettings(),
    )


@pytest.mark.parametrize(
    ("count", "frames", "positions"),
    [
        (20, 12, [0, 1, 3, 5, 6, 8, 10, 12, 13, 15, 17, 19]),
        (13, 12, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]),
        (64, 12, [0, 5, 11, 17, 22, 28, 34, 40, 45, 51, 57, 63]),
        (12, 12, list(range(12))),
        (3, 12, [0, 1, 2]),
        (5, 1, [0]),
        (5, 2, [0, 4]),
    ],
)
def test_uniform_takes_the_first_and_the_last_and_whole_steps_between(count, frames, positions):
    assert Sampling(frames=frames).positions(count) == positions


def test_head_and_tail_take_one_end():
    assert Sampling(frames=3, choose="head").positions(10) == [0, 1, 2]
    assert Sampling(frames=3, choose="tail").positions(10) == [7, 8, 9]


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"rate": -1.0}, {"choose": "middle"}])
def test_a_sampling_that_cannot_be_meant_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        Sampling(**wrong)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"rate": 1}, [0, 25, 50]),
        ({"rate": 5, "frames": 4}, [0, 20, 45, 70]),
        ({"rate": 5, "frames": 4, "choose": "head"}, [0, 5, 10, 15]),
        ({"rate": 5, "frames": 4, "choose": "tail"}, [55, 60, 65, 70]),
        ({"rate": 0, "frames": 3}, [0, 37, 74]),
        # More per second than there are: each once.
        ({"rate": 60, "frames": 3}, [0, 37, 74]),
    ],
)
def test_frames_are_the_first_of_each_step_of_time(good_videos, how, expected):
    clip = sample(good_videos["plain.mp4"], **how)
    assert numbers(clip) == expected
    assert clip.times_s.tolist() == pytest.approx([number / 25 for number in expected])


@pytest.mark.parametrize("name", ["plain.mkv", "h264.avi", "plain.ts", "vp9.webm", "hevc.mp4"])
def test_every_container_gives_the_same_frames(good_videos, name):
    assert numbers(sample(good_videos[name], rate=5, frames=4)) == [0, 20, 45, 70]


def test_time_counts_and_not_the_number_of_frames(good_videos):
    # 30 quick frames, a pause until 2.1 s, then ten frames a second.
    clip = sample(good_videos["variable.mp4"], rate=1)
    assert numbers(clip) == [0, 25, 31, 40, 50, 60, 70]
    assert clip.times_s[2] == pytest.approx(2.1, abs=0.001)


def test_a_window_takes_what_begins_in_it(good_videos):
    assert numbers(sample(good_videos["plain.mp4"], 1.0, 2.0, rate=5)) == [25, 30, 35, 40, 45]
    assert numbers(sample(good_videos["plain.mp4"], 2.5, None, rate=5)) == [63, 68, 73]
    assert numbers(sample(good_videos["plain.mp4"], None, 0.5, rate=5)) == [0, 5, 10]


def test_a_window_past_the_end_of_the_video_stops_at_its_end(good_videos):
    assert numbers(sample(good_videos["plain.mp4"], 2.0, 99.0, rate=1)) == [50]


def test_a_window_between_two_frames_gives_the_one_on_the_screen(good_videos):
    clip = sample(good_videos["plain.mp4"], 1.001, 1.03)
    assert numbers(clip) == [25]


def test_a_window_that_begins_after_the_end_is_an_error(good_videos):
    with pytest.raises(DecodeFailed, match="the clip begins at 7 s, but the video ends at 3 s"):
        sample(good_videos["plain.mp4"], 7.0, 9.0)


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
def test_a_window_late_in_a_long_video_is_found_by_winding(tmp_path, container):
    video = write_clip(tmp_path / "long", shots([400, 400]), rate=25, container=container)
    assert numbers(sample(video, 20.0, 23.0, rate=1)) == [500, 525, 550]


def test_a_clip_with_too_many_frames_to_hold_gives_the_same(good_videos, monkeypatch):
    expected = numbers(sample(good_videos["plain.mp4"], rate=0, frames=5))
    monkeypatch.setattr(clip_frames, "_FRAMES_IN_HAND", 10)
    assert numbers(sample(good_videos["plain.mp4"], rate=0, frames=5)) == expected


def test_frames_have_the_short_side_asked_for(good_videos):
    assert sample(good_videos["plain.mp4"]).frames.shape == (3, 96, 160, 3)


def test_a_child_process_gives_the_same_and_survives_refused_files(good_videos, refused_files):
    how = {
        "start_s": 1.0,
        "end_s": None,
        "sampling": Sampling(rate=5, frames=4),
        "short_side": 96,
        "settings": IndexSettings(),
    }
    with DecodeWorker() as worker:
        for path in refused_files.values():
            with pytest.raises(DecodeFailed):
                worker.clip_frames(path, **how)
        clip = worker.clip_frames(good_videos["plain.mp4"], **how)
    assert numbers(clip) == numbers(sample_clip(good_videos["plain.mp4"], **how))
