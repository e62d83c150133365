"""Uploaded videos on their way to the disk."""

import os
import time
from pathlib import Path

import pytest

from indexer.reading.containers import HEADER_BYTES
from search.catalog.settings import UiSettings
from ui.web.uploads.storing import Upload, UploadPlace, UploadRefused, free_bytes, safe_name

MB = 1_000_000


@pytest.fixture
def place(tmp_path: Path) -> UploadPlace:
    return UploadPlace(tmp_path / "library" / "uploads", largest_bytes=MB, keep_free_bytes=0)


def send(place: UploadPlace, name: str, content: bytes, *, piece: int = 700) -> Path:
    with Upload(place, name, len(content)) as upload:
        for start in range(0, len(content), piece):
            upload.add(content[start : start + piece])
        return upload.finish()


@pytest.fixture
def video(good_videos: dict[str, Path]) -> bytes:
    return good_videos["plain.mp4"].read_bytes()


def test_a_video_arrives_whole_under_its_name(place: UploadPlace, video: bytes) -> None:
    stored = send(place, "beach.mp4", video)

    assert stored == place.folder / "beach.mp4"
    assert stored.read_bytes() == video
    assert [file.name for file in place.folder.iterdir()] == ["beach.mp4"]


def test_a_name_that_is_taken_gets_a_number_and_nothing_is_replaced(
    place: UploadPlace, video: bytes
) -> None:
    first = send(place, "a.mp4", video)
    os.truncate(first, 5)

    assert send(place, "a.mp4", video).name == "a (2).mp4"
    assert send(place, "a.mp4", video).name == "a (3).mp4"
    assert first.stat().st_size == 5


def test_a_link_in_the_place_of_an_upload_is_not_followed(
    place: UploadPlace, video: bytes, tmp_path: Path
) -> None:
    place.folder.mkdir(parents=True)
    (place.folder / "a.mp4").symlink_to(tmp_path / "elsewhere")

    assert send(place, "a.mp4", video).name == "a (2).mp4"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ["playlist.mp4", "list.mp4", "empty.mp4", "text.mp4"])
def test_what_is_no_video_never_reaches_the_disk(
    place: UploadPlace, refused_files: dict[str, Path], name: str
) -> None:
    with pytest.raises(UploadRefused, match=r"^it is "):
        send(place, name, refused_files[name].read_bytes())

    assert not place.folder.exists()


def test_more_than_was_announced_is_counted(place: UploadPlace, video: bytes) -> None:
    with Upload(place, "a.mp4", expected_bytes=10) as upload:
        upload.add(video + bytes(HEADER_BYTES))
        with pytest.raises(UploadRefused, match="larger than 1 MB"):
            upload.add(b"\0" * MB)

    assert list(place.folder.iterdir()) == []


def test_what_is_announced_as_too_large_is_refused_at_once(place: UploadPlace) -> None:
    with pytest.raises(UploadRefused, match="it is larger than 1 MB"):
        Upload(place, "a.mp4", expected_bytes=MB + 1)


def test_a_disk_that_would_be_nearly_full_takes_nothing(tmp_path: Path, video: bytes) -> None:
    place = UploadPlace(tmp_path / "uploads", MB, keep_free_bytes=free_bytes(tmp_path) + 10**9)

    with pytest.raises(UploadRefused, match="the disk would be nearly full"):
        send(place, "a.mp4", video)


def test_an_upload_that_is_given_up_leaves_nothing(place: UploadPlace, video: bytes) -> None:
    with Upload(place, "a.mp4") as upload:
        upload.add(video + bytes(HEADER_BYTES))

    assert list(place.folder.iterdir()) == []


def test_drafts_of_a_killed_server_are_cleared_away_after_a_day(
    place: UploadPlace, video: bytes
) -> None:
    place.folder.mkdir(parents=True)
    stale, fresh = place.folder / ".upload-1", place.folder / ".upload-2"
    for draft in (stale, fresh):
        draft.touch()
    os.utime(stale, (time.time() - 25 * 3600,) * 2)

    send(place, "a.mp4", video)

    assert {file.name for file in place.folder.iterdir()} == {".upload-2", "a.mp4"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("beach.mp4", "beach.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\videos\\a.avi", "a.avi"),
        ("/absolute/b.mkv", "b.mkv"),
        ('"><script>alert(1).mp4', '"><script>alert(1).mp4'),
        ("new\nline\x1b[31m.mp4", "newline[31m.mp4"),
        ("\u202egpj.mp4", "gpj.mp4"),
        ("...hidden.mp4", "hidden.mp4"),
        ("..", "video"),
        ("", "video"),
        ("dir/", "video"),
        ("-rf.mp4", "-rf.mp4"),
        ("half\udcff.mp4", "half.mp4"),
        ("x" * 300 + ".mp4", "x" * 196 + ".mp4"),
        ("ä" * 300 + ".mp4", "ä" * 98 + ".mp4"),
    ],
)
def test_names_are_made_harmless(given: str, kept: str) -> None:
    assert safe_name(given) == kept


def test_limits_come_from_the_settings(tmp_path: Path) -> None:
    settings = UiSettings(uploads="inbox", upload_limit_mb=5, keep_free_mb=7)

    place = UploadPlace.of(tmp_path, settings)

    assert place == UploadPlace(tmp_path / "inbox", 5 * MB, 7 * MB)
