import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest

import tasks.clips.playing
from indexer.reading.settings import IndexSettings
from search.catalog.places import PresentVideo, SegmentPlace
from search.catalog.store import Store
from tasks.clips.job import CutJob, Cutting
from tasks.clips.playing import (
    NotPlayable,
    Window,
    ensure_clip,
    find_place,
    first_existing,
    is_clip,
    run_cut,
)
from tests.corpus import read_number
from tests.tiny import index, tiny_backbone

SETTINGS = IndexSettings()


def source(*paths: Path, start_s: float = 0.0, end_s: float = 3.0) -> SegmentPlace:
    return SegmentPlace(7, start_s, end_s, start_s, PresentVideo("5eed", 3.0, paths))


@pytest.fixture
def library(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "library", create=True)


@pytest.mark.parametrize(
    ("segment", "at_s", "expected"),
    [
        # Two seconds of lead: the first whole number that leaves the margin before the segment.
        ((10.0, 14.0), 10.2, (8.2, 15.5)),
        ((10.0, 14.0), 14.0, (8.0, 15.5)),
        # The video begins sooner than the margin, and ends sooner.
        ((0.0, 4.0), 0.7, (0.0, 5.5)),
        ((96.0, 100.0), 98.0, (94.0, 100.0)),
        # A segment longer than a clip may be: half a minute around the moment.
        ((0.0, 90.0), 40.5, (25.5, 55.5)),
    ],
)
def test_a_clip_is_the_segment_with_a_margin(
    segment: tuple[float, float], at_s: float, expected: tuple[float, float]
) -> None:
    whole = SegmentPlace(1, *segment, segment[0], PresentVideo("5eed", 100.0, ()))

    window = Window.around(whole, at_s)

    assert (window.start_s, window.end_s) == pytest.approx(expected)


def test_a_clip_starts_at_the_moment_asked_for(
    library: Store, good_videos: dict[str, Path]
) -> None:
    clip = ensure_clip(
        library, source(good_videos["plain.mp4"], start_s=2.6), 2.8, settings=SETTINGS
    )

    with av.open(str(clip.file)) as container:
        at_start = next(f for f in container.decode(video=0) if f.time >= clip.start_s - 0.001)
        assert read_number(at_start.to_ndarray(format="rgb24")) == 70  # 2.8 s at 25 a second


def test_a_clip_is_cut_once(library: Store, good_videos: dict[str, Path]) -> None:
    wanted = source(good_videos["plain.mp4"])
    first = ensure_clip(library, wanted, 1.0, settings=SETTINGS)
    made_at = first.file.stat().st_mtime_ns

    again = ensure_clip(library, wanted, 1.0, settings=SETTINGS)

    assert again == first
    assert again.file.stat().st_mtime_ns == made_at


def test_a_deleted_clip_comes_back(library: Store, good_videos: dict[str, Path]) -> None:
    wanted = source(good_videos["plain.mp4"])
    ensure_clip(library, wanted, 1.0, settings=SETTINGS).file.unlink()

    assert ensure_clip(library, wanted, 1.0, settings=SETTINGS).file.is_file()


def test_only_the_newest_clips_are_kept(
    library: Store, good_videos: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.clips.playing, "_CLIPS_KEPT", 2)
    folder = library.folder / "media" / "clips"
    folder.mkdir()
    for age_s in (30, 20, 10):
        old = folder / f"{age_s}.mp4"
        old.touch()
        os.utime(old, (time.time() - age_s,) * 2)

    clip = ensure_clip(library, source(good_videos["plain.mp4"]), 1.0, settings=SETTINGS)

    assert {file.name for file in folder.iterdir()} == {clip.file.name, "10.mp4"}


def test_a_video_that_is_gone_is_said_in_a_sentence(library: Store, tmp_path: Path) -> None:
    with pytest.raises(NotPlayable, match=r"cannot be played: it cannot be opened \(No such file"):
        ensure_clip(library, source(tmp_path / "gone.mp4"), 1.0, settings=SETTINGS)


def test_a_pipe_is_refused_without_waiting(library: Store, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")

    with pytest.raises(NotPlayable, match="it is not a regular file"):
        ensure_clip(library, source(tmp_path / "pipe.mp4"), 1.0, settings=SETTINGS)


def test_a_playlist_is_refused_and_leaves_nothing_behind(
    library: Store, refused_files: dict[str, Path]
) -> None:
    with pytest.raises(NotPlayable, match="it is a playlist"):
        ensure_clip(library, source(refused_files["playlist.mp4"]), 1.0, settings=SETTINGS)

    assert list((library.folder / "media" / "clips").iterdir()) == []


def test_cutting_that_takes_too_long_is_ended(
    library: Store, good_videos: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.clips.playing, "_CUT_TIMEOUT_S", 0.01)

    with pytest.raises(NotPlayable, match="took longer"):
        ensure_clip(library, source(good_videos["plain.mp4"]), 1.0, settings=SETTINGS)

    assert list((library.folder / "media" / "clips").iterdir()) == []


def test_any_place_where_the_content_lies_will_do(
    library: Store, good_videos: dict[str, Path], tmp_path: Path
) -> None:
    copies = source(tmp_path / "gone.mp4", good_videos["plain.mp4"])

    assert ensure_clip(library, copies, 1.0, settings=SETTINGS).file.is_file()


def test_a_segment_leads_to_its_video(library: Store, good_videos: dict[str, Path]) -> None:
    path = good_videos["plain.mp4"]
    index(library, path, backbone=tiny_backbone())

    found = find_place(library, 2)

    assert found.video.paths == (path,)
    assert (found.start_s, found.end_s) == pytest.approx((0.8, 1.8), abs=0.05)


def test_an_unknown_segment_is_said_in_a_sentence(library: Store) -> None:
    with pytest.raises(NotPlayable, match="not in the library any more"):
        find_place(library, 10**18)


@pytest.mark.parametrize(
    ("segment", "at_s", "expected"),
    [
        # Fifteen seconds of lead at most, and half a minute on the whole.
        ((0.0, 90.0), 13.5, (0.0, 30.0)),
        ((0.0, 90.0), 15.6, (0.6, 30.6)),
        # A margin of one and a half seconds, and whole seconds before the moment.
        ((10.0, 14.0), 10.5, (8.5, 15.5)),
        ((10.0, 14.0), 10.51, (7.51, 15.5)),
        # Never nothing: a moment at the very end of its video has a tenth of a second.
        ((96.0, 100.0), 100.0, (94.0, 100.1)),
    ],
)
def test_a_clip_leads_by_whole_seconds(
    segment: tuple[float, float], at_s: float, expected: tuple[float, float]
) -> None:
    whole = SegmentPlace(1, *segment, segment[0], PresentVideo("5eed", 100.0, ()))
    window = Window.around(whole, at_s)
    assert (window.start_s, window.end_s) == pytest.approx(expected)


@pytest.fixture
def ready(library: Store, monkeypatch: pytest.MonkeyPatch) -> list[CutJob]:
    """The jobs that were asked for; each is done by writing an empty file."""
    jobs: list[CutJob] = []

    def run_cut(job: CutJob, within_s: float) -> Cutting:
        assert within_s == 60
        jobs.append(job)
        job.target.touch()
        return Cutting(None, None)

    monkeypatch.setattr(tasks.clips.playing, "run_cut", run_cut)
    return jobs


def test_a_clip_is_named_after_its_segment_its_beginning_and_the_form_of_clips(
    library: Store, ready: list[CutJob], tmp_path: Path
) -> None:
    place = SegmentPlace(7, 10.0, 14.0, 10.0, PresentVideo("5eed", 100.0, (tmp_path / "a.mp4",)))
    clip = ensure_clip(library, place, 10.2, settings=SETTINGS)
    assert clip.file == library.folder / "media" / "clips" / "7-8200-3.mp4"
    assert (clip.start_s, clip.lost) == (2, None)
    [job] = ready
    assert (job.source, job.start_s, job.end_s) == (tmp_path / "a.mp4", pytest.approx(8.2), 15.5)
    assert (job.length_s, job.to_keep, job.copy_from_s) == (100.0, False, None)


def test_two_hundred_clips_are_kept(library: Store, ready: list[CutJob]) -> None:
    folder = library.folder / "media" / "clips"
    folder.mkdir()
    for age_s in range(1, 201):
        (folder / f"{age_s}.mp4").touch()
        os.utime(folder / f"{age_s}.mp4", (time.time() - 60 * age_s,) * 2)
    ensure_clip(library, source(Path("a.mp4")), 1.0, settings=SETTINGS)
    assert len(list(folder.iterdir())) == 200
    assert not (folder / "200.mp4").exists()


def test_a_clip_that_cannot_be_stored_is_one_sentence(
    library: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_cut(_job: CutJob, _within_s: float) -> Cutting:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tasks.clips.playing, "run_cut", run_cut)
    with pytest.raises(NotPlayable, match="The clip cannot be stored: "):
        ensure_clip(library, source(Path("a.mp4")), 1.0, settings=SETTINGS)


def ended(monkeypatch: pytest.MonkeyPatch, code: int, out: object) -> Cutting:
    """What a job comes to whose child process ends with this code and has printed this."""

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        assert command == [sys.executable, "-P", "-m", "tasks.clips.cutting"]
        assert options["timeout"] == 5
        return subprocess.CompletedProcess(command, code, json.dumps(out))

    monkeypatch.setattr(subprocess, "run", run)
    return run_cut(CutJob(Path("a"), Path("b"), 0, 1, SETTINGS), 5)


def test_what_became_of_a_job_is_read_from_the_child_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = {"copied_from_s": 1.5, "lost": "the sound"}
    assert ended(monkeypatch, 0, done) == Cutting(1.5, "the sound")
    with pytest.raises(NotPlayable, match=r"This video cannot be played: it is odd\."):
        ended(monkeypatch, 3, "it is odd")
    with pytest.raises(NotPlayable, match="the decoder crashed on it"):
        ended(monkeypatch, -11, "")
    with pytest.raises(NotPlayable, match="the decoder crashed on it"):
        ended(monkeypatch, 1, "")
    with pytest.raises(OSError, match="No space left on device") as failed:
        ended(monkeypatch, 4, errno.ENOSPC)
    assert failed.value.errno == errno.ENOSPC


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("7-8200-3.mp4", True),
        ("7-8200.mp4", True),
        ("7.mp4", False),
        ("7-8200-3.mp4.part", False),
        ("a7-8200-3.mp4", False),
        ("٧-8200.mp4", False),
        ("7-8200-3.mkv", False),
    ],
)
def test_clips_are_known_by_their_names(name: str, expected: bool) -> None:
    assert is_clip(name) is expected


def test_the_first_path_that_lies_there_is_taken_or_the_first_of_all(tmp_path: Path) -> None:
    there, gone = tmp_path / "there", tmp_path / "gone"
    there.touch()
    assert first_existing((gone, there, tmp_path)) == there
    assert first_existing((gone, tmp_path / "gone too")) == gone
