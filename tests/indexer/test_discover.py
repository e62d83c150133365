"""Which files count as videos, which are refused, and what is left aside."""

import os
import socket
import sys
from pathlib import Path

import pytest

from indexer.discover import Discovery, discover, sighted
from indexer.reading.errors import READ, DecodeFailed
from tests.corpus import ODD_NAMES, shots, write_clip

needs_any_name = pytest.mark.skipif(sys.platform != "linux", reason="names must be UTF-8 here")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_clip(tmp_path_factory.mktemp("clip") / "a.mp4", shots([3])).read_bytes()


def test_every_container_is_found_whatever_its_extension(
    good_videos: dict[str, Path], tmp_path: Path
) -> None:
    for number, path in enumerate(good_videos.values()):
        (tmp_path / f"{number}.dat").write_bytes(path.read_bytes())

    assert len(discover([tmp_path]).files) == len(good_videos)


def test_named_like_a_video_but_none_is_refused_with_a_reason(
    refused_files: dict[str, Path],
) -> None:
    folder = next(iter(refused_files.values())).parent
    reasons = {one.found.path.name: one.reason for one in discover([folder]).refused}

    assert reasons == {
        "empty.mp4": "it is empty",
        "list.mp4": "it is a list of other files (ffconcat), not a video",
        "playlist.mp4": "it is a playlist (HLS), not a video",
        "text.mp4": "it is a text, not a video",
        "zeros.mp4": "it holds only zeros: the copy or download was probably not finished",
    }


def test_sources_and_translations_are_no_failed_videos(tmp_path: Path, clip: bytes) -> None:
    sources = {
        "app.ts": b"export const y: number = 1;\n",
        "empty.ts": b"",
        "run.mts": "// gr\u00fc\u00dfe\nexport {};\n".encode("latin-1"),
        "wide.TS": "export {};\n".encode("utf-16"),
        "app_de.ts": b'<?xml version="1.0"?>\n<!DOCTYPE TS>\n<TS language="de"></TS>\n',
        "list.ts": b"#EXTM3U\n#EXTINF:1,\na.mp4\n",
    }
    for name, content in {**sources, "a.mp4": clip, "zeros.ts": bytes(5000)}.items():
        (tmp_path / name).write_bytes(content)

    discovery = discover([tmp_path])

    assert discovery.texts == len(sources)
    assert [file.path.name for file in discovery.files] == ["a.mp4"]
    assert [one.found.path.name for one in discovery.refused] == ["zeros.ts"]
    assert len(discover([tmp_path / "app.ts"]).refused) == 1  # it was named


def test_other_files_of_a_folder_are_ignored_but_named_ones_are_refused(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("no video\n")

    in_folder, named = discover([tmp_path]), discover([notes])

    assert (in_folder.files, in_folder.refused) == ((), ())
    assert [one.reason for one in named.refused] == ["it is a text, not a video"]


@needs_any_name
def test_names_may_hold_any_bytes(clip: bytes, tmp_path: Path) -> None:
    for name in ODD_NAMES:
        (tmp_path / os.fsdecode(name)).write_bytes(clip)

    found = {os.fsencode(file.path.name) for file in discover([tmp_path]).files}

    assert found == set(ODD_NAMES)


def test_size_time_and_order_are_those_of_the_files(clip: bytes, tmp_path: Path) -> None:
    for name in ("b/2.mp4", "a.mp4", "b/1.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(clip)
    os.utime(tmp_path / "a.mp4", ns=(5, 1_700_000_000_123_456_789))

    files = discover([tmp_path]).files

    assert [str(file.path.relative_to(tmp_path)) for file in files] == [
        "a.mp4",
        "b/1.mp4",
        "b/2.mp4",
    ]
    assert (files[0].size_bytes, files[0].mtime_ns) == (len(clip), 1_700_000_000_123_456_789)


def test_hidden_entries_are_counted_and_skipped(clip: bytes, tmp_path: Path) -> None:
    (tmp_path / ".hidden.mp4").write_bytes(clip)
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "b.mp4").write_bytes(clip)

    discovery = discover([tmp_path])

    assert (discovery.files, discovery.skipped_hidden) == ((), 2)


def test_pipes_and_sockets_are_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tmp_path)  # socket paths are limited to about a hundred bytes
        server.bind("socket.mp4")
        os.chdir(here)
        in_folder = discover([tmp_path])
    named = discover([tmp_path / "pipe.mp4"])

    assert (in_folder.files, in_folder.refused) == ((), ())
    assert [one.reason for one in named.refused] == ["it is not a regular file"]


def test_a_file_reached_by_several_ways_counts_once(clip: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(clip)
    (tmp_path / "z.mp4").symlink_to("a.mp4")
    (tmp_path / "loop").symlink_to(tmp_path)

    files = discover([tmp_path, tmp_path / "a.mp4", tmp_path / "loop"]).files

    assert [file.path for file in files] == [tmp_path / "a.mp4"]


def test_links_out_of_the_folder_are_not_followed(clip: bytes, tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "b.mp4").write_bytes(clip)
    (inside / "file.mp4").symlink_to(outside / "b.mp4")
    (inside / "folder").symlink_to(outside)
    (inside / "nowhere.mp4").symlink_to("gone.mp4")

    discovery = discover([inside])

    assert discovery.files == ()
    assert discovery.links_outside == (inside / "file.mp4", inside / "folder")
    assert discovery.unreadable == (inside / "nowhere.mp4",)


def test_a_root_was_seen_only_if_it_holds_something(clip: bytes, tmp_path: Path) -> None:
    full, empty, absent = (tmp_path / name for name in ("full", "empty", "absent"))
    full.mkdir()
    empty.mkdir()
    (full / "a.mp4").write_bytes(clip)

    discovery = discover([full, empty, empty, absent])

    assert [(root.path, root.was_seen) for root in discovery.roots] == [
        (full, True),
        (empty, False),
        (empty, False),
        (absent, False),
    ]
    assert discovery.missing == (absent,)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_folders_are_reported_and_the_rest_is_found(clip: bytes, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o000)
    (tmp_path / "z.mp4").write_bytes(clip)

    discovery = discover([tmp_path])

    assert [file.path.name for file in discovery.files] == ["z.mp4"]
    assert discovery.unreadable == (locked,)


def test_very_deep_folders_are_searched(clip: bytes, tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(600):
        deep = deep / "d"
        deep.mkdir()
    (deep / "a.mp4").write_bytes(clip)

    assert len(discover([tmp_path]).files) == 1


def test_files_that_are_not_asked_for_are_noted_and_not_opened(
    clip: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.mp4", "b.mp4", "notes.txt", ".hidden.mp4"):
        (tmp_path / name).write_bytes(clip)
    only = discover([tmp_path], only={tmp_path / "b.mp4"})
    assert [found.path.name for found in only.files] == ["b.mp4"]
    assert [path.name for path in only.left] == ["a.mp4", "notes.txt"]
    assert {path.name for path in only.seen} == {"a.mp4", "b.mp4", "notes.txt"}

    def opened(path: Path) -> None:
        raise AssertionError(f"{path} was opened")

    monkeypatch.setattr("indexer.discover.open_regular", opened)
    seen = {found.path.name: found.size_bytes for found in sighted([tmp_path])}
    assert seen == dict.fromkeys(("a.mp4", "b.mp4", "notes.txt"), len(clip))


def test_a_file_that_goes_while_it_is_sighted_is_left_out(
    clip: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.mp4").write_bytes(clip)
    (tmp_path / "b.mp4").write_bytes(clip)
    left = discover([tmp_path], only=())

    def found(_paths: object, *, only: object) -> Discovery:
        (tmp_path / "a.mp4").unlink()
        return left

    monkeypatch.setattr("indexer.discover.discover", found)
    assert [one.path.name for one in sighted([tmp_path])] == ["b.mp4"]


def test_files_that_cannot_be_opened_are_shut_and_only_videos_by_name_are_minded(
    clip: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.mp4", "b.MKV", "notes.txt"):
        (tmp_path / name).write_bytes(clip)

    def opened(_path: Path) -> None:
        raise DecodeFailed(READ, "it cannot be opened (Permission denied)")

    monkeypatch.setattr("indexer.discover.open_regular", opened)
    discovery = discover([tmp_path])
    assert [one.found.path.name for one in discovery.shut] == ["a.mp4", "b.MKV", "notes.txt"]
    assert {one.reason for one in discovery.shut} == {"it cannot be opened (Permission denied)"}
    assert [path.name for path in discovery.unreadable] == ["notes.txt"]
    assert (discovery.files, discovery.refused) == ((), ())
    assert {path.name for path in discovery.seen} == {"a.mp4", "b.MKV", "notes.txt"}
    named = discover([tmp_path / "notes.txt"])
    assert (len(named.shut), named.unreadable) == (1, ())


def test_a_folder_that_cannot_be_listed_is_unreadable(
    clip: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("open", "shut"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.mp4").write_bytes(clip)
    scan = os.scandir

    def refusing(folder: Path) -> object:
        if Path(folder).name == "shut":
            raise PermissionError
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    discovery = discover([tmp_path])
    assert [file.path for file in discovery.files] == [tmp_path / "open" / "a.mp4"]
    assert discovery.unreadable == (tmp_path / "shut",)


def test_folders_that_hold_something_are_told(clip: bytes, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / ".hidden").mkdir()
    assert discover([tmp_path]).folders == {tmp_path, tmp_path / "full"}


def test_a_link_to_itself_is_missing_or_unreadable(tmp_path: Path) -> None:
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    assert discover([tmp_path / "loop.mp4"]).missing == (tmp_path / "loop.mp4",)
    assert discover([tmp_path]).unreadable == (tmp_path / "loop.mp4",)


def test_texts_with_the_endings_of_sources_are_counted(tmp_path: Path) -> None:
    for name in ("app.ts", "app.mts", "empty.TS"):
        (tmp_path / name).write_text("export {}\n")
    (tmp_path / "text.mp4").write_text("no video\n")
    discovery = discover([tmp_path])
    assert discovery.texts == 3
    assert [one.found.path.name for one in discovery.refused] == ["text.mp4"]
