"""Files that cannot be opened now are hidden, and come back as they were when they can be."""

import errno
import os
from pathlib import Path

import pytest
from sqlalchemy import select, update

from search.catalog.reach import closed_paths, note_closed, note_open, opens
from search.catalog.spaces import active_space
from search.catalog.store import Store
from search.catalog.tables import Status, VideoPath, now
from search.catalog.writing import record_failure
from tests.search.finding.test_engine import Shelf, axis


def test_a_regular_file_opens_and_nothing_else_does(tmp_path):
    for name, content in (("full", b"x"), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
        assert opens(tmp_path / name)
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", ".", "nothing", "zero\0byte"):
        assert not opens(tmp_path / name)


def test_a_file_whose_first_byte_the_disk_does_not_give_is_closed(tmp_path, monkeypatch):
    (tmp_path / "a.mp4").write_bytes(b"x")

    def fail(_descriptor: int, _count: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "read", fail)
    assert not opens(tmp_path / "a.mp4")


@pytest.fixture
def file(library: Store, backbone, tmp_path: Path) -> Path:
    """The only video of the library, as the catalog knows it."""
    file = tmp_path / "a.mp4"
    file.write_bytes(b"as it was")
    Shelf(library, backbone).put(str(file), axis(0))
    with library.writing() as session:
        status = file.stat()
        session.execute(
            update(VideoPath).values(size_bytes=status.st_size, mtime_ns=status.st_mtime_ns)
        )
    return file


def row(library: Store) -> VideoPath:
    with library.reading() as session:
        return session.scalars(select(VideoPath)).one()


def revision(library: Store) -> int:
    with library.reading() as session:
        return active_space(session).revision


def close(library: Store, *, stage: str | None = None) -> None:
    with library.writing() as session:
        if stage:
            record_failure(session, 1, stage=stage, reason="it cannot be read")
        note_closed(session, [1])


def reopen(library: Store) -> None:
    with library.writing() as session:
        note_open(session, [1])


def test_a_closed_file_is_known_as_such_until_it_is_open_or_missing(library, file):
    before = revision(library)
    close(library)
    assert revision(library) == before + 1
    with library.writing() as session:
        assert closed_paths(session) == {1: file}
        note_closed(session, [])
        note_open(session, [])
        session.execute(update(VideoPath).values(missing_since=now()))
        assert closed_paths(session) == {}
        session.execute(update(VideoPath).values(missing_since=None))
    assert revision(library) == before + 1
    reopen(library)
    assert revision(library) == before + 2
    assert row(library).closed_since is None
    with library.reading() as session:
        assert closed_paths(session) == {}


def test_a_file_that_the_disk_kept_from_us_is_what_it_was(library, file):
    close(library, stage="read")
    reopen(library)
    found = row(library)
    assert (found.status, found.stage, found.reason) == (Status.INDEXED, None, None)
    assert found.attempts == 0


@pytest.mark.parametrize("change", ["bytes", "time", "gone"])
def test_a_file_that_has_changed_meanwhile_waits(library, file, change):
    close(library, stage="read")
    if change == "bytes":
        file.write_bytes(b"something else")
    elif change == "time":
        os.utime(file, ns=(1, 1))
    else:
        file.unlink()
    reopen(library)
    assert row(library).status == Status.WAITING


def test_what_failed_for_another_reason_stays_failed(library, file):
    close(library, stage="decode")
    reopen(library)
    found = row(library)
    assert (found.status, found.stage, found.attempts) == (Status.FAILED, "decode", 1)


def test_a_file_of_which_no_video_is_known_stays_failed(library, file):
    close(library, stage="read")
    with library.writing() as session:
        session.execute(update(VideoPath).values(video_id=None))
    reopen(library)
    assert row(library).status == Status.FAILED


def test_a_library_looks_for_what_was_closed_when_it_is_opened_and_asked(library, file):
    close(library)
    with Store.open(library.folder):
        assert row(library).closed_since is None
    close(library)
    content = file.read_bytes()
    file.unlink()
    library.look_again()
    assert row(library).closed_since is not None
    file.write_bytes(content)
    library.look_again()
    assert row(library).closed_since is None


def test_where_thousands_are_closed_it_is_not_looked_again_at_once(library, file, monkeypatch):
    monkeypatch.setattr("search.catalog.store._CLOSED_AT_ONCE", 1)
    close(library)
    content = file.read_bytes()
    file.unlink()
    library._next_look = 0.0
    moments = iter([100.0, 102.0, 141.9, 142.1, 142.2])
    monkeypatch.setattr("search.catalog.store.time.monotonic", lambda: next(moments))
    library.look_again()  # that took two seconds
    file.write_bytes(content)
    library.look_again()
    assert row(library).closed_since is not None
    library.look_again()
    assert row(library).closed_since is None
