import os
import time
from pathlib import Path

import av
import pytest

import tasks.clips.playing
from indexer.reading.settings import IndexSettings
from search.catalog.places import PresentVideo, SegmentPlace
from search.catalog.store import Store
from tasks.clips.playing import NotPlayable, Window, ensure_clip, find_place
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
    monkeypatch.setattr(tasks.clips.playing, "_CUT_WITHIN_S", 0.01)

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
