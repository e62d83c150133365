"""Files put in place: whole or not at all, whatever they are called and whatever goes wrong."""

import errno
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from models.errors import KinodexError
from models.files import DRAFT, draft_of, make_folder, open_like_folder, replaced_whole, typed_path

WAYS = [{}, {"durable": True}, {"one_writer": True}, {"durable": True, "one_writer": True}]
ODD_NAMES = [
    b"-dash.txt",
    b"new\nline.txt",
    b"\xff\xfe.txt",
    b".hidden",
    b"a.b.c",
    b"no suffix",
    "🐈.txt".encode(),
    b"x.tmp",
]


@pytest.mark.parametrize("way", WAYS)
def test_the_content_takes_the_place_of_the_old_and_leaves_no_draft(tmp_path: Path, way) -> None:
    file = tmp_path / "file.txt"
    file.write_text("old")

    with replaced_whole(file, **way) as draft:
        draft.write_text("new")
        assert file.read_text() == "old"
        assert draft.suffix == DRAFT

    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_an_error_in_the_middle_leaves_the_old_file_and_no_draft(
    tmp_path: Path, way, failure: BaseException
) -> None:
    file = tmp_path / "file.txt"
    file.write_text("old")

    with pytest.raises(type(failure)), replaced_whole(file, **way) as draft:
        draft.write_text("ne")
        raise failure

    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_where_nothing_was_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), replaced_whole(tmp_path / "file.txt") as draft:
        draft.write_text("ne")
        raise ZeroDivisionError

    assert list(tmp_path.iterdir()) == []


def test_a_draft_that_was_never_written_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_text("old")

    with pytest.raises(FileNotFoundError), replaced_whole(file):
        pass

    assert file.read_text() == "old"


def test_a_folder_that_is_not_there_is_the_error_that_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError, match=r"nowhere"),
        replaced_whole(tmp_path / "nowhere" / "file.txt") as draft,
    ):
        draft.write_text("new")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_of_any_bytes_are_kept(tmp_path: Path, name: bytes, way) -> None:
    file = tmp_path / os.fsdecode(name)

    with replaced_whole(file, **way) as draft:
        assert draft != file
        draft.write_text("new")

    assert os.listdir(os.fsencode(tmp_path)) == [name]  # noqa: PTH208 - bytes
    assert file.read_text() == "new"


@pytest.mark.parametrize("letter", ["x", "ä", "🐈", "\udcff"])
def test_the_longest_name_leaves_room_for_a_draft(tmp_path: Path, letter: str) -> None:
    file = tmp_path / (letter * (251 // len(os.fsencode(letter))) + ".txt")

    with replaced_whole(file) as draft:
        draft.write_text("new")

    assert file.read_text() == "new"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_fills_up_at_the_end_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    file = tmp_path / "file.txt"
    file.write_text("old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space left"), replaced_whole(file, durable=True) as draft:
        draft.write_text("new")

    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_the_content_is_on_the_disk_before_it_takes_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []

    def noted(name: str):
        real = getattr(os, name)
        return lambda *arguments: (steps.append(name), real(*arguments))[1]

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, noted(name))
    with replaced_whole(tmp_path / "cache.txt") as draft:
        draft.write_text("new")
    assert steps == ["replace"]

    steps.clear()
    with replaced_whole(tmp_path / "kept.txt", durable=True) as draft:
        draft.write_text("new")
    assert steps == ["fsync", "replace", "fsync"]


def test_two_who_write_the_same_file_have_drafts_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "file.txt"

    with replaced_whole(file) as one, replaced_whole(file) as other:
        one.write_text("one")
        other.write_text("other")

    assert file.read_text() == "one"
    assert list(tmp_path.iterdir()) == [file]


def test_the_only_writer_clears_away_what_a_kill_has_left(tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_text("old")
    killed = textwrap.dedent("""
        import os, pathlib, sys
        from models.files import replaced_whole

        with replaced_whole(pathlib.Path(sys.argv[1]), durable=True, one_writer=True) as draft:
            draft.write_text("half of it")
            draft.chmod(0o400)
            os._exit(42)
    """)

    assert subprocess.run([sys.executable, "-c", killed, file], check=False).returncode == 42
    assert file.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2
    with replaced_whole(file, one_writer=True) as draft:
        assert not draft.exists()
        draft.write_text("new")

    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


def test_a_draft_may_be_put_where_the_caller_decides(tmp_path: Path) -> None:
    with draft_of(tmp_path / "file.txt") as draft:
        draft.write_text("new")
        draft.rename(tmp_path / "file-2.txt")

    with pytest.raises(ZeroDivisionError), draft_of(tmp_path / "file.txt") as draft:
        draft.write_text("new")
        raise ZeroDivisionError

    assert [file.name for file in tmp_path.iterdir()] == ["file-2.txt"]
    with draft_of(tmp_path / "file.txt") as one, draft_of(tmp_path / "file.txt") as other:
        assert one != other


@pytest.mark.parametrize(("error", "is_told"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_folders_that_know_no_syncing_are_let_be_and_other_failures_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, is_told: bool
) -> None:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(error, "folder")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    told = None
    try:
        with replaced_whole(tmp_path / "file.txt", durable=True) as draft:
            draft.write_text("new")
    except OSError as failure:
        told = failure.errno
    assert told == (error if is_told else None)
    assert (tmp_path / "file.txt").read_text() == "new"


def test_a_typed_path_may_begin_at_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/of/somebody")
    assert typed_path("~/videos") == Path("/home/of/somebody/videos")
    assert typed_path("a/~b") == Path("a/~b")


@pytest.mark.parametrize(
    ("typed", "reason"),
    [("~nobody-of-this-name/x", "home directory"), ("a\0b", "it holds a zero byte")],
)
def test_what_can_be_no_path_is_told(typed: str, reason: str) -> None:
    with pytest.raises(KinodexError, match=reason) as told:
        typed_path(typed)
    assert str(told.value).startswith(f"{typed!r} can be no path: ")


@pytest.fixture
def usual_mask():
    """What this process makes is closed to writing by others."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode_of(path: Path) -> str:
    return oct(path.stat().st_mode & 0o7777)


def folder_of(tmp_path: Path, mode: int) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    folder.chmod(mode)
    return folder


@pytest.mark.usefixtures("usual_mask")
@pytest.mark.parametrize(
    ("above", "made"),
    [(0o700, "0o700"), (0o755, "0o755"), (0o750, "0o750"), (0o2770, "0o2770"), (0o2750, "0o2750")],
)
def test_new_folders_are_open_to_those_whom_the_one_above_is_open_to(
    tmp_path: Path, above: int, made: str
) -> None:
    folder = folder_of(tmp_path, above)
    make_folder(folder / "a" / "b")
    assert (mode_of(folder / "a"), mode_of(folder / "a" / "b")) == (made, made)
    (folder / "a").chmod(0o711)
    make_folder(folder / "a")
    assert mode_of(folder / "a") == "0o711"


@pytest.mark.usefixtures("usual_mask")
@pytest.mark.parametrize(("above", "made"), [(0o755, "0o700"), (0o2750, "0o2750")])
def test_who_shuts_all_that_he_makes_still_opens_a_groups_folder_to_the_group(
    tmp_path: Path, above: int, made: str
) -> None:
    folder = folder_of(tmp_path, above)
    os.umask(0o077)
    make_folder(folder / "a")
    assert mode_of(folder / "a") == made


def test_a_folder_that_somebody_else_makes_meanwhile_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    real, asked = Path.is_dir, []

    def is_dir(path: Path) -> bool:
        asked.append(path)
        return asked != [folder] and real(path)

    monkeypatch.setattr(Path, "is_dir", is_dir)
    make_folder(folder)
    assert asked[0] == folder


@pytest.mark.parametrize(
    ("above", "before", "after"),
    [
        (0o700, 0o644, "0o600"),
        (0o750, 0o644, "0o640"),
        (0o750, 0o666, "0o640"),
        (0o755, 0o644, "0o644"),
        (0o500, 0o644, "0o600"),
        (0o770, 0o600, "0o600"),
        (0o2770, 0o600, "0o660"),
        (0o2750, 0o600, "0o640"),
        (0o2770, 0o644, "0o660"),
        (0o2777, 0o600, "0o660"),
        (0o2775, 0o705, "0o765"),
    ],
)
def test_a_file_is_open_to_no_more_than_its_folder_and_to_the_group_of_a_groups_folder(
    tmp_path: Path, above: int, before: int, after: str
) -> None:
    folder = folder_of(tmp_path, 0o777)
    file = folder / "file"
    file.touch()
    file.chmod(before)
    folder.chmod(above)
    open_like_folder(file)
    assert mode_of(file) == after


def test_a_file_of_the_right_mode_may_be_anybodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder_of(tmp_path, 0o755) / "file"
    file.touch()
    file.chmod(0o644)
    # Only the owner may change a mode, so it is not asked for without need.
    monkeypatch.setattr(Path, "chmod", lambda *_: pytest.fail("changed"))
    open_like_folder(file)


@pytest.mark.usefixtures("usual_mask")
def test_only_what_is_of_a_library_is_as_open_as_its_folder(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 0o700)
    for name, options in (("plain", {}), ("library", {"as_folder": True})):
        with replaced_whole(folder / name, **options) as draft:
            draft.write_text("new")
    assert (mode_of(folder / "plain"), mode_of(folder / "library")) == ("0o644", "0o600")
