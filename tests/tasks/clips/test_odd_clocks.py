"""What a segment shows, its keyframe made again, its clip and its export agree on odd clocks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest

import indexer.reading.streams
from indexer.reading.clip import sample_clip
from indexer.reading.pyav_reader import PyAVReader
from indexer.reading.sampling import Sampling
from indexer.reading.settings import IndexSettings
from indexer.reading.video import DecodeSummary, decode_video, thumbnail
from search.queries.pictures import open_picture
from tasks.clips.copying import copied
from tasks.clips.cutting import cut
from tasks.clips.job import CutJob
from tests.corpus import read_number
from tests.odd_clocks import BEEP_EVERY, ODD_VIDEOS, OddVideo, write_odd

SETTINGS = IndexSettings()
# Read from the beginning if they are small; when they are large they are wound.
WOUND_WHEN_LARGE = sorted(
    name
    for name, how in ODD_VIDEOS.items()
    if how.container in ("mpegts", "vob") and len(how.parts) == 1
)


@dataclass(frozen=True)
class Indexed:
    """A file, how it was made, and what indexing it told."""

    path: Path
    made: OddVideo
    first_s: float
    length_s: float

    def time_of(self, number: int) -> float:
        """The middle of the time at which a picture is on the screen."""
        return self.first_s + (number + 0.5) / self.made.rate

    @property
    def numbers(self) -> list[int]:
        """Pictures at the beginning, at the end and near every join."""
        ends = [one for part in self.made.parts for one in (part.numbers[13], part.numbers[-2])]
        return sorted({*ends, self.made.pictures // 2 + 20})

    def job(self, target: Path, start_s: float, end_s: float, *, copy: bool) -> CutJob:
        return CutJob(
            self.path,
            target,
            start_s,
            end_s,
            SETTINGS,
            max(0.0, start_s - 1) if copy else None,
            to_keep=True,
            length_s=self.length_s,
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("odd-clocks")


@pytest.fixture(params=sorted(ODD_VIDEOS))
def video(request: pytest.FixtureRequest, folder: Path) -> Indexed:
    return indexed(folder, request.param)


def indexed(folder: Path, name: str) -> Indexed:
    path = folder / name
    if not path.exists():
        write_odd(folder, name)
    *_, summary = decode_video(path, short_side=96, settings=SETTINGS)
    assert isinstance(summary, DecodeSummary)
    with path.open("rb") as file, av.open(file) as container:
        pictures = container.streams.video[0]
        begins_s = float(pictures.start_time * pictures.time_base)
        first_s = begins_s - (container.start_time or 0) / 1_000_000
    return Indexed(path, ODD_VIDEOS[name], first_s, summary.duration_s)


def test_times_follow_one_another_and_the_length_is_that_of_the_pictures(video: Indexed) -> None:
    with PyAVReader(video.path, short_side=96, settings=SETTINGS) as reader:
        told = [(frame.time_s, read_number(frame.pixels())) for frame in reader.frames()]

    shown = [one for one in range(video.made.pictures) if one not in video.made.missing]
    assert [number for _, number in told] == shown
    assert [time_s for time_s, _ in told] == pytest.approx(
        [video.time_of(number) - 0.5 / video.made.rate for _, number in told], abs=0.015
    )
    assert video.length_s == pytest.approx(
        video.first_s + video.made.pictures / video.made.rate, abs=0.05
    )


def check_pictures(video: Indexed, folder: Path) -> None:
    made_again = [
        read_number(open_picture(picture))
        for number in video.numbers
        for picture in [
            thumbnail(
                video.path,
                video.time_of(number),
                short_side=96,
                settings=SETTINGS,
                length_s=video.length_s,
            )
        ]
    ]
    assert made_again == video.numbers
    for number in video.numbers:
        at_s = video.time_of(number)
        sampled = sample_clip(
            video.path,
            start_s=at_s,
            end_s=at_s + 0.01,
            sampling=Sampling(frames=1),
            short_side=96,
            settings=SETTINGS,
            length_s=video.length_s,
        )
        assert read_number(sampled.frames[0]) == number


def check_clips(video: Indexed, folder: Path) -> None:
    for number in video.numbers:
        at_s = video.time_of(number)
        start_s, end_s = max(0.0, at_s - 0.9), min(video.length_s, at_s + 0.9)
        for copy in (True, False):
            clip = folder / f"{number}-{copy}.mp4"
            job = video.job(clip, start_s, end_s, copy=copy)
            begins_s = copied(job) if copy else start_s
            if begins_s is None:
                continue
            if not copy:
                assert cut(job) is None
            assert shown_at(clip, at_s - begins_s) == number
            if video.made.sound is not None:
                heard = [time_s + begins_s for time_s in beeps(clip)]
                assert heard == pytest.approx(beeps_between(video, begins_s, end_s), abs=0.045)
            else:
                assert beeps(clip) == []


def beeps_between(video: Indexed, start_s: float, end_s: float) -> list[float]:
    every = (
        video.first_s + number / video.made.rate
        for number in range(0, video.made.pictures, BEEP_EVERY)
        if number not in video.made.missing
    )
    return [time_s for time_s in every if start_s - 0.02 <= time_s < end_s - 0.02]


def test_moments_found_by_time_are_those_that_were_indexed(video: Indexed, tmp_path: Path) -> None:
    check_pictures(video, tmp_path)


def test_clips_show_and_sound_like_the_moment(video: Indexed, tmp_path: Path) -> None:
    check_clips(video, tmp_path)


@pytest.mark.parametrize("name", WOUND_WHEN_LARGE)
def test_large_files_are_wound_to_the_same_moments(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer.reading.streams, "_SOON_READ_BYTES", 0)
    video = indexed(folder, name)

    check_pictures(video, tmp_path)
    check_clips(video, tmp_path)


def shown_at(clip: Path, time_s: float) -> int:
    """The number of the picture on the screen at a time of a clip."""
    shown = -1
    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            if frame.time > time_s and shown >= 0:
                break
            shown = read_number(frame.to_ndarray(format="rgb24"))
    return shown


def beeps(clip: Path) -> list[float]:
    """When beeps begin in a clip, by its own clock."""
    with av.open(str(clip)) as container:
        if not container.streams.audio:
            return []
        loud = np.array(list(_loud_times(container)))
    if not len(loud):
        return []
    return loud[np.insert(np.diff(loud) > 0.3, 0, True)].tolist()


def _loud_times(container) -> Iterator[float]:
    for frame in container.decode(audio=0):
        samples = np.abs(frame.to_ndarray()).max(axis=0)
        for place in np.nonzero(samples > 0.2)[0]:
            yield frame.time + place / frame.sample_rate
