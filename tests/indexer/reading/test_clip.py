"""Which frames of a clip are taken, read back from the numbers in the pictures."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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


class Candidate:
    """A frame that notes whether its pixels were asked for."""

    def __init__(self, number: int) -> None:
        self.time_s = number / 10
        self.was_converted = False

    def pixels(self) -> int:
        self.was_converted = True
        return round(10 * self.time_s)


def held(count: int, **how) -> tuple[int, list[int], int]:
    """How many candidates were read, which are held, and of how many pixels were asked for."""
    candidates = [Candidate(number) for number in range(count)]
    times_s, kept = clip_frames._read(iter(candidates), Sampling(**how))
    assert all(number == pixels for number, pixels in kept.items())
    return len(times_s), list(kept), sum(one.was_converted for one in candidates)


def test_no_more_frames_are_held_than_may_be_wanted(monkeypatch):
    monkeypatch.setattr(clip_frames, "_FRAMES_IN_HAND", 6)
    assert held(10, frames=3, choose="tail") == (10, [7, 8, 9], 10)
    assert held(10, frames=3, choose="head") == (3, [0, 1, 2], 3)
    assert held(2, frames=3, choose="head") == (2, [0, 1], 2)
    assert held(6, frames=3) == (6, [0, 1, 2, 3, 4, 5], 6)
    # One too many: they are read a second time.
    assert held(7, frames=3) == (7, [], 6)
    assert held(7, frames=7) == (7, list(range(7)), 7)


class Reader:
    """Notes from where on its frames are read, and gives one each tenth of a second."""

    end_s = 30.0

    def __init__(self) -> None:
        self.after_s: float | None = None

    def frames(self) -> Iterator[Candidate]:
        return map(Candidate, range(300))

    def frames_after(self, time_s: float) -> Iterator[Candidate]:
        self.after_s = time_s
        return (one for one in self.frames() if one.time_s > time_s)


def candidates(
    start_s: float, end_s: float, rate: float = 0.0
) -> tuple[float | None, list[float], int]:
    """Where reading begins, the times that are candidates, and how many frames were looked at."""
    reader: Any = Reader()
    alive: list[bool] = []
    window = clip_frames._Window(start_s, end_s, rate)
    times_s = [one.time_s for one in window.candidates(reader, lambda: alive.append(True))]
    return reader.after_s, times_s, len(alive)


def test_a_window_is_wound_to_from_five_seconds_before_where_that_is_worth_it():
    assert candidates(10.0, 10.2) == (None, [10.0, 10.1], 103)
    assert candidates(10.1, 10.3) == (pytest.approx(5.1), [10.1, 10.2], 52)
    assert candidates(29.9, 99.0)[1] == [29.9]


def test_the_first_frame_of_each_step_of_time_is_a_candidate_even_if_times_are_rounded():
    assert candidates(0.0, 1.0, rate=2)[1] == [0.0, 0.5]
    # In steps of 0.305 s it may be a fiftieth of a step early: 0.3 s is, and 0.6 s is too early.
    assert candidates(0.0, 0.7, rate=1 / 0.305)[1] == [0.0, 0.3]
    assert candidates(0.0, 0.7, rate=1 / 0.31)[1] == [0.0, 0.4]


# Seconds that are counted in frames, as CLIP4Clip's code counts them


def counted(count: int, frames_per_s: float | None, *, rate: float = 1.0, end_s: float = 1e9):
    """Numbers of the candidates among so many frames of this rate."""
    reader: Any = Reader()
    reader.rate = frames_per_s
    per_s = frames_per_s or 10.0
    frames = [SimpleNamespace(time_s=number / per_s, number=number) for number in range(count)]
    reader.frames = lambda: iter(frames)
    window = clip_frames._window(0.0, end_s, Sampling(frames=64, rate=rate, by="frames"))
    return [one.number for one in window.candidates(reader, lambda: None)]


@pytest.mark.parametrize(
    ("count", "frames_per_s", "candidates"),
    [(300, 29.97, 11), (299, 30.0, 10), (301, 30.0, 11), (240, 23.976, 11)],
)
def test_of_ten_seconds_as_many_frames_are_candidates_as_in_the_papers_code(
    count, frames_per_s, candidates
):
    found = counted(count, frames_per_s)
    assert found == [number * int(frames_per_s) for number in range(candidates)]


def test_several_frames_of_a_second_begin_with_its_first():
    assert counted(60, 29.97, rate=3) == [0, 9, 18, 29, 38, 47, 58]


def test_a_window_counts_its_seconds_in_frames_too():
    assert len(counted(2000, 29.97, end_s=32.0)) == 32
    assert counted(2000, 29.97, end_s=32.0)[-1] == 31 * 29


@pytest.mark.parametrize("frames_per_s", [None, 0.5])
def test_without_a_rate_to_count_by_time_tells(frames_per_s):
    found = counted(40, frames_per_s)
    assert found == (list(range(40)) if frames_per_s else [0, 10, 20, 30])


def test_a_second_is_a_time_or_a_count():
    with pytest.raises(ValueError, match="by must be time or frames, not 'mood'"):
        Sampling(by="mood")
