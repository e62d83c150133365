"""What a segment shows, its keyframe made again, its clip and its export agree on odd clocks."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from sqlalchemy import select

import indexer.reading.streams
from indexer.keyframes import ensure_keyframe
from indexer.reading.clip import sample_clip
from indexer.reading.pyav_reader import PyAVReader
from indexer.reading.sampling import Sampling
from indexer.reading.settings import IndexSettings
from indexer.reading.video import DecodeSummary, decode_video, thumbnail
from indexer.reading.worker import DecodeWorker
from search.catalog.places import PresentVideo, SegmentPlace, place_segments
from search.catalog.store import Store
from search.catalog.tables import Segment
from search.queries.pictures import open_picture
from tasks.clips.copying import copied
from tasks.clips.cutting import cut
from tasks.clips.job import CutJob
from tasks.clips.playing import ensure_clip
from tests.calling import call
from tests.corpus import read_number
from tests.odd_clocks import BEEP_EVERY, ODD_VIDEOS, RATE, OddVideo, with_damaged_sound, write_odd

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
        return sorted({*ends, self.made.pictures // 2 + 20} - {*self.made.missing})

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
    how = ODD_VIDEOS[name]
    if 0 in how.missing:  # what is cut off at the beginning has no times
        first_s -= len(how.missing) / how.rate
    return Indexed(path, how, first_s, summary.duration_s)


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


@pytest.mark.parametrize(
    ("share", "lost"),
    [
        (1.0, "the sound is missing: it cannot be decoded (aac)"),
        (0.5, "part of the sound is missing: it is damaged"),
        (0.0, None),
    ],
)
def test_a_clip_says_what_it_lacks_each_time_it_is_asked_for(
    share: float, lost: str | None, tmp_path: Path
) -> None:
    path = with_damaged_sound(write_odd(tmp_path, "plain.mp4"), share=share)
    place = SegmentPlace(7, 1.0, 5.0, 1.0, PresentVideo("5eed", 6.0, (path,)))
    library = Store.open(tmp_path / "library", create=True)

    first = ensure_clip(library, place, 2.0, settings=SETTINGS)

    assert first.lost == lost
    assert ensure_clip(library, place, 2.0, settings=SETTINGS) == first
    assert shown_at(first.file, first.start_s + 0.02) == 50


def test_an_export_says_what_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = with_damaged_sound(write_odd(tmp_path, "plain.mp4"), share=1.0)
    place = tmp_path / "library"
    assert call("index", path, "-l", place, "-m", "bundled") == 0
    capsys.readouterr()

    assert call("export", "x", "-l", place, "-o", tmp_path / "out", "--encode", "--json") == 0

    told = capsys.readouterr()
    assert "plain-0h00m00.0s.mp4: the sound is missing: it cannot" in " ".join(told.err.split())
    assert json.loads(told.out)["lost"] == "the sound is missing: it cannot be decoded (aac)"


def test_joined_recordings_of_any_name_agree_in_keyframes_the_player_and_exports(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = indexed(folder, "joined.ts")
    place = tmp_path / "library"
    path = shutil.copy(video.path, tmp_path / os.fsdecode(b"not-\xff-utf8.ts"))
    assert call("index", path, "-l", place, "-m", "bundled") == 0
    library = Store.open(place)
    with library.reading() as session:
        places = place_segments(session, list(session.scalars(select(Segment.id))))
    assert len(places) >= 3
    keyframes = {one.segment_id: keyframe_number(library, one) for one in places}

    shutil.rmtree(place / "media")
    for one in places:
        number = keyframes[one.segment_id]
        assert one.keyframe_s == pytest.approx(video.time_of(number), abs=0.021)
        assert keyframe_number(library, one) == number
        clip = ensure_clip(library, one, one.keyframe_s, settings=SETTINGS)
        assert abs(shown_at(clip.file, clip.start_s) - number) <= 25
    capsys.readouterr()
    for options in ((), ("--encode",)):
        out = tmp_path / f"out{len(options)}"
        command = ("export", "x", "-l", place, "-o", out, "--margin", "0s", "--json", *options)
        assert call(*command) == 0
        for line in capsys.readouterr().out.splitlines():
            cut_out = json.loads(line)
            begins_s = cut_out["begins_s"] if cut_out["copied"] else cut_out["start_s"]
            for at_s in (0.52, 2.52):
                truth = int((begins_s + at_s - video.first_s) * RATE + 0.01)
                assert abs(shown_at(Path(cut_out["file"]), at_s) - truth) <= 1


def keyframe_number(library: Store, place: SegmentPlace) -> int:
    with DecodeWorker() as worker:
        file = ensure_keyframe(library, place.segment_id, settings=SETTINGS, worker=worker)
    assert file is not None
    return read_number(open_picture(file))


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
