"""Reading a catalog that may not be written: on a read-only disk, or somebody else's.

SQLite's write-ahead log needs two files beside the catalog, which cannot be made here.
"""

import os
import sqlite3
import tempfile
import threading
from pathlib import Path

from models.errors import KinodexError

_WAITED_MS = 30_000

_own_media: dict[Path, tempfile.TemporaryDirectory[str]] = {}
_one_at_a_time = threading.Lock()


class ReadOnlyLibrary(KinodexError):
    """Something wants to change a library that may only be read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"the library in {str(folder)!r} may only be read (a read-only disk, or somebody "
            "else's files): copy it to a place of your own to change it"
        )


class UnfinishedCatalog(KinodexError):
    """A catalog's last changes lie beside it, where only a program that may write takes them up."""


def may_write(catalog: Path) -> bool:
    """Whether this process may change a catalog, or make one, and make files beside it."""
    place = catalog.parent
    while not place.exists() and place != place.parent:
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK):
        return False
    return os.access(catalog, os.W_OK) or not catalog.exists()


def own_media(library: Path) -> Path:
    """A folder for what the library itself cannot hold, the same for all of this process.

    It goes with the process.
    """
    with _one_at_a_time:
        if library not in _own_media:
            _own_media[library] = tempfile.TemporaryDirectory(prefix="kinodex-")
        return Path(_own_media[library].name)


def connect_read_only(catalog: Path) -> sqlite3.Connection:
    """A connection that writes nothing and makes no file.

    Raises UnfinishedCatalog, and sqlite3.Error.
    """
    connection = sqlite3.connect(
        f"{catalog.as_uri()}?{_how_to_read(catalog)}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute(f"PRAGMA busy_timeout = {_WAITED_MS}")
    return connection


def _how_to_read(catalog: Path) -> str:
    log, shared = (catalog.with_name(catalog.name + end) for end in ("-wal", "-shm"))
    if os.access(log, os.R_OK) and os.access(shared, os.R_OK):
        # Somebody has it open, or was killed: what is in the log counts, and both can be read.
        return "mode=ro&readonly_shm=1"
    for unfinished in (log, catalog.with_name(catalog.name + "-journal")):
        if _has_content(unfinished):
            raise UnfinishedCatalog(
                f"the catalog {str(catalog)!r} may only be read here, and its last changes lie "
                f"in {unfinished.name!r} beside it: open it once where it can be written, or copy "
                "the library's folder"
            )
    # Nobody has it open: the file alone is the whole catalog.
    return "mode=ro&immutable=1"


def _has_content(file: Path) -> bool:
    try:
        return bool(file.stat().st_size)
    except FileNotFoundError:
        return False
