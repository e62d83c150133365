"""One writer at a time: a lock that its holder's death releases, on every platform."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from models.errors import KinodexError
from models.files import open_like_folder
from search.catalog.read_only import ReadOnlyLibrary, may_write

INDEXING, SKETCHING = "indexing", "sketching"

# `is_held` takes hold of the lock's file for less than a millisecond: nobody is told that a library
# is busy because somebody else has just looked.
_WAITED_S = 0.2


class LibraryBusy(KinodexError):
    """Another process is at the same work on this library."""


def only_indexer(folder: Path) -> AbstractContextManager[None]:
    """Hold the right to index the library in `folder`.

    Raises LibraryBusy at once if it is taken.
    """
    return _only_one(folder, INDEXING)


def only_sketcher(folder: Path) -> AbstractContextManager[None]:
    """Hold the right to sketch a whole library, which may be indexed meanwhile.

    Raises LibraryBusy at once if it is taken.
    """
    return _only_one(folder, SKETCHING)


def is_held(folder: Path, work: str) -> bool:
    """Whether some process holds the right to INDEXING or SKETCHING at this moment."""
    file = folder / f"{work}.lock"
    if not file.is_file():
        return False
    connection = sqlite3.connect(file, timeout=0, isolation_level=None)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchall()
    except sqlite3.DatabaseError as error:
        return _is_busy(error)  # what is no lock is held by nobody
    finally:
        connection.close()
    return False


@contextmanager
def _only_one(folder: Path, work: str) -> Iterator[None]:
    # SQLite's own file lock is used, on a file that holds nothing: the operating system drops
    # it when the process ends, however it ends. `filelock` does less: its FileLock must be taken
    # to be looked at, so that two pages that look at once take each other for a holder, and
    # neither that nor its ReadWriteLock can look into a library that may only be read.
    if not may_write(folder / f"{work}.lock"):
        raise ReadOnlyLibrary(folder)
    with contextlib.closing(_locked(folder, work)):
        yield


def _locked(folder: Path, work: str) -> sqlite3.Connection:
    file = folder / f"{work}.lock"
    try:
        _make(file)
        connection = sqlite3.connect(file, timeout=_WAITED_S, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(file) from error
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:
        connection.close()
        if not _is_busy(error):
            raise _unusable(file) from error
        raise LibraryBusy(
            f"another Kinodex is {work} {str(folder)!r}: wait for it, or stop it"
        ) from error
    return connection


def _make(file: Path) -> None:
    """Make the lock's file where there is none, as open as the library is."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        open_like_folder(file)


def _is_busy(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _unusable(file: Path) -> KinodexError:
    return KinodexError(
        f"{str(file)!r} cannot serve as the library's lock, as something else is in its place or "
        "the disk refuses it: move it away while no Kinodex is at work"
    )
