"""One writer at a time: a lock that its holder's death releases, on every platform."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import KinodexError


class LibraryBusy(KinodexError):
    """Another process is at the same work on this library."""


@contextmanager
def only_indexer(folder: Path) -> Iterator[None]:
    """Hold the right to index the library in `folder`.

    Raises LibraryBusy at once if it is taken.
    """
    with _only_one(folder, "indexing"):
        yield


@contextmanager
def only_sketcher(folder: Path) -> Iterator[None]:
    """Hold the right to sketch a whole library, which may be indexed meanwhile.

    Raises LibraryBusy at once if it is taken.
    """
    with _only_one(folder, "sketching"):
        yield


@contextmanager
def _only_one(folder: Path, work: str) -> Iterator[None]:
    # SQLite's own file lock is used, on a file that holds nothing: the operating system drops
    # it when the process ends, however it ends.
    connection = sqlite3.connect(folder / f"{work}.lock", timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        connection.close()
        raise LibraryBusy(
            f"another Kinodex is {work} {str(folder)!r}: wait for it, or stop it"
        ) from error
    try:
        yield
    finally:
        connection.close()
