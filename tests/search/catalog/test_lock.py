"""One writer at a time: who holds the lock, who only looks at it, and whose death releases it."""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.errors import KinodexError
from search.catalog.lock import (
    INDEXING,
    SKETCHING,
    LibraryBusy,
    is_held,
    only_indexer,
    only_sketcher,
)
from search.catalog.progress import running_works
from search.catalog.read_only import ReadOnlyLibrary

HOLD = """
import pathlib, sys, time
from search.catalog.lock import only_indexer
with only_indexer(pathlib.Path(sys.argv[1])):
    {meanwhile}
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def holder(folder: Path, meanwhile: str = "") -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the right to index; killed at the end."""
    script = HOLD.format(meanwhile=meanwhile)
    command = [sys.executable, "-c", script, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_held_lock_is_seen_and_looking_does_not_take_it(tmp_path: Path) -> None:
    assert not is_held(tmp_path, INDEXING)
    with only_indexer(tmp_path):
        assert is_held(tmp_path, INDEXING)
        assert not is_held(tmp_path, SKETCHING)
        with only_sketcher(tmp_path):
            assert running_works(tmp_path) == [INDEXING, SKETCHING]
    assert not is_held(tmp_path, INDEXING)


def test_what_may_only_be_read_cannot_be_held(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("search.catalog.lock.may_write", lambda _file: False)
    with pytest.raises(ReadOnlyLibrary), only_indexer(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_looking_makes_no_file(tmp_path: Path) -> None:
    assert not is_held(tmp_path, INDEXING)
    assert list(tmp_path.iterdir()) == []


def test_a_second_process_is_told_who_is_at_work(tmp_path: Path) -> None:
    with (
        holder(tmp_path),
        pytest.raises(LibraryBusy, match="another Kinodex is indexing"),
        only_indexer(tmp_path),
    ):
        pass


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_the_holders_death_releases_the_lock(tmp_path: Path, ending: signal.Signals) -> None:
    with holder(tmp_path) as process:
        assert is_held(tmp_path, INDEXING)
        process.send_signal(ending)
        process.wait()
        assert not is_held(tmp_path, INDEXING)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_child_that_outlives_the_holder_does_not_keep_the_lock(tmp_path: Path) -> None:
    fork = "import os; child = os.fork(); child or (time.sleep(60), os._exit(0)); print(child)"
    script = HOLD.format(meanwhile=fork)
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            assert process.stdout.readline() == "held\n"
            assert is_held(tmp_path, INDEXING)
            process.kill()
            process.wait()
            assert not is_held(tmp_path, INDEXING)
        finally:
            os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("way", multiprocessing.get_all_start_methods())
def test_a_child_that_ends_leaves_the_lock_to_its_parent(tmp_path: Path, way: str) -> None:
    with only_indexer(tmp_path):
        child = multiprocessing.get_context(way).Process(target=time.sleep, args=(0,))
        child.start()
        child.join()
        assert is_held(tmp_path, INDEXING)


def test_two_threads_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    refused = []

    def take() -> None:
        try:
            with only_indexer(tmp_path):
                refused.append(False)
        except LibraryBusy:
            refused.append(True)

    with only_indexer(tmp_path):
        thread = threading.Thread(target=take)
        thread.start()
        thread.join()
    assert refused == [True]


def test_an_error_in_the_work_releases_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_indexer(tmp_path):
        raise ZeroDivisionError
    assert not is_held(tmp_path, INDEXING)


def test_those_who_look_at_the_same_time_never_take_each_other_for_a_holder(tmp_path: Path) -> None:
    with only_indexer(tmp_path):
        pass
    look = (
        "import pathlib, sys\n"
        "from search.catalog.lock import INDEXING, is_held\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "sys.exit(any(is_held(folder, INDEXING) for _ in range(500)))"
    )
    lookers = [subprocess.Popen([sys.executable, "-c", look, tmp_path]) for _ in range(2)]
    assert [looker.wait() for looker in lookers] == [0, 0]


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root can become another")
def test_a_library_that_may_only_be_read_can_be_looked_at() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        library = Path(folder)
        with only_indexer(library):
            pass
        (library / "indexing.lock").chmod(0o444)
        library.chmod(0o555)

        assert not _held_in_the_eyes_of_nobody(library)
        with only_indexer(library):
            assert _held_in_the_eyes_of_nobody(library)


def _held_in_the_eyes_of_nobody(library: Path) -> bool:
    """What a user sees who may read everything and write nothing."""
    child = os.fork()
    if child == 0:
        os.setgid(65534)
        os.setuid(65534)
        os._exit(is_held(library, INDEXING))
    return {0: False, 1: True}[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])]


@pytest.mark.parametrize("what", ["garbage", "a folder", "a pipe"])
def test_what_is_no_lock_is_a_sentence_and_held_by_nobody(tmp_path: Path, what: str) -> None:
    lock = tmp_path / "indexing.lock"
    if what == "garbage":
        lock.write_bytes(b"\x00garbage" * 1000)
    elif what == "a folder":
        lock.mkdir()
    else:
        os.mkfifo(lock)
    assert not is_held(tmp_path, INDEXING)
    with (
        pytest.raises(KinodexError, match="cannot serve as the library's lock"),
        only_indexer(tmp_path),
    ):
        pass
