"""Opening a catalog: connection settings, and bringing its schema up to date."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.exc import DatabaseError

from models.errors import KinodexError
from models.files import replaced_whole
from search.catalog.read_only import connect_read_only, may_write

SCHEMA = "0007"  # the newest revision in search/catalog/migrations/versions
_MAGIC = b"SQLite format 3\0"
_FRACTIONS = bytes([64, 32, 32])  # stand in every header: https://sqlite.org/fileformat.html
_MIGRATIONS = Path(__file__).parent / "migrations"

WAYS_OUT = (
    "'kinodex verify' tells what is wrong with a library, 'kinodex restore' brings a backup back"
)


class CatalogError(KinodexError):
    """The catalog cannot be opened: damaged, not a catalog, or made by a newer program."""


class DamagedCatalog(CatalogError):
    """What is in the catalog is not what was written there."""

    def __init__(self, catalog: Path, reason: str) -> None:
        super().__init__(
            f"the catalog {str(catalog)!r} cannot be used: {reason}; what was stored is kept. "
            f"{WAYS_OUT}"
        )


# What the disk or the file does to us; any other error of SQLite's is a defect of ours.
_TROUBLE = ("FULL", "IOERR", "READONLY", "BUSY", "CORRUPT", "NOTADB", "CANTOPEN", "PERM", "AUTH")
_DAMAGE = ("CORRUPT", "NOTADB")
# So the driver says, without a name: of a text that is none, and of a table that the version of the
# catalog says is there. A disk that fails may lack it for a moment.
_DAMAGE_IN_WORDS = ("Could not decode to UTF-8", "no such table")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn trouble with the catalog's file into a CatalogError of one sentence."""
    try:
        yield
    except UnicodeDecodeError as error:  # SQLite quotes what it cannot read
        raise DamagedCatalog(path, f"it holds what is no text ({error.reason})") from error
    except (DatabaseError, sqlite3.DatabaseError) as error:
        cause = error.orig if isinstance(error, DatabaseError) else error
        name = getattr(cause, "sqlite_errorname", "").removeprefix("SQLITE_")
        if name.startswith(_DAMAGE) or str(cause).startswith(_DAMAGE_IN_WORDS):
            raise DamagedCatalog(path, str(cause)) from error
        if not name.startswith(_TROUBLE):
            raise
        raise CatalogError(
            f"the catalog {str(path)!r} cannot be used: {cause}; what was stored is kept"
        ) from error


def begins_as_database(file: Path) -> bool:
    """Whether SQLite would take a file for a database. Raises OSError.

    Where it does not, it deletes the journal beside the file, in which the last that was stored
    may lie: ask before it sees the file.
    """
    with file.open("rb") as opened:
        header = opened.read(24)
    page_bytes = int.from_bytes(header[16:18], "big")
    is_size = page_bytes == 1 or (page_bytes >= 512 and page_bytes.bit_count() == 1)  # 1: 65,536
    return header.startswith(_MAGIC) and is_size and header[21:24] == _FRACTIONS


def open_database(path: Path, *, writable: bool = True) -> Engine:
    """An engine on the SQLite file at `path`, created or migrated as needed.

    writable: without it nothing is written, not even beside the file

    Raises CatalogError for a damaged file or one from a newer program, and for one from an older
    program that may not be written.
    """
    engine = _writing_engine(path) if writable else _reading_engine(path)
    event.listen(engine, "begin", _begin)
    try:
        with explained(path):
            _bring_up_to_date(engine, path, writable=writable)
    except DatabaseError as error:  # tables that are not what their version says
        raise DamagedCatalog(path, str(error.orig)) from error
    return engine


def _writing_engine(path: Path) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)))
    event.listen(engine, "connect", _configure_connection)
    return engine


def _reading_engine(path: Path) -> Engine:
    # Each session finds out anew how the file can be read: its owner may begin to write at any
    # time, so no connection is kept.
    return create_engine("sqlite://", creator=lambda: connect_read_only(path), poolclass=NullPool)


def writer(engine: Engine) -> Engine:
    """The same engine, taking SQLite's write lock when a transaction begins.

    A transaction that reads first and writes later fails at once when another process has
    written in between; one that holds the lock from its beginning waits its turn.
    """
    return engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")


def compact(engine: Engine) -> None:
    """Write the catalog anew without the pages that are empty."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("COMMIT")  # what `_begin` has begun
        connection.exec_driver_sql("VACUUM")


def _configure_connection(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin in _begin, not in the driver
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 30000")
    cursor.execute("PRAGMA journal_mode = WAL")  # readers are never blocked by the writer
    cursor.execute("PRAGMA synchronous = FULL")  # a committed video survives a power cut
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    statement = connection.get_execution_options().get("sqlite_begin", "BEGIN")
    connection.exec_driver_sql(statement)


def _bring_up_to_date(engine: Engine, path: Path, *, writable: bool) -> None:
    found = _schema_version(engine, path)
    if found == SCHEMA:
        return
    if not writable:
        raise CatalogError(
            f"the library at {str(path.parent)!r} was made by an older Kinodex and may only be "
            "read here: open it once where it can be written, or copy it"
        )
    _migrate(engine, path)


def _schema_version(engine: Engine, path: Path) -> str | None:
    """The revision of the tables; None where there are none yet.

    Raises CatalogError for a newer one, and for none where there are tables.
    """
    # Read by hand, because importing Alembic would cost every search a tenth of a second.
    with engine.connect() as connection:
        if not connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar():
            return None
        try:
            rows = connection.execute(text("SELECT version_num FROM alembic_version")).all()
        except DatabaseError as error:
            if getattr(error.orig, "sqlite_errorname", "") != "SQLITE_ERROR":
                raise
            raise DamagedCatalog(path, "it does not say which version made it") from error
    versions = [row.version_num for row in rows]
    if len(versions) == 1 and versions[0] in _known_versions():
        return str(versions[0])
    if len(versions) == 1 and str(versions[0]).isdecimal() and str(versions[0]) > SCHEMA:
        raise CatalogError(
            f"the library at {str(path.parent)!r} was made by a newer Kinodex: update this one"
        )
    raise DamagedCatalog(path, "it does not say which version made it")


def _known_versions() -> set[str]:
    return {file.name.split("_")[0] for file in (_MIGRATIONS / "versions").glob("[0-9]*.py")}


def _migrate(engine: Engine, path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    # Two processes may open a new library at once: the second waits here and finds it done.
    with writer(engine).begin() as connection:
        found = _schema_version(engine, path)
        if found == SCHEMA:
            return
        if found is not None:
            require_sound(path, connection)
            _keep_copy(path, found)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def require_sound(path: Path, connection: Connection, *tables: str) -> None:
    """Raise DamagedCatalog when a look at the pages of these tables, or of all, finds damage."""
    for asked in [f"('{table}')" for table in tables] or [""]:
        found = connection.execute(text(f"PRAGMA quick_check{asked}")).scalar()
        if found != "ok":
            raise DamagedCatalog(path, str(found).splitlines()[-1])


def _keep_copy(path: Path, version: str) -> None:
    """Keep the catalog as an older program left it, where the disk has room for two.

    The migration is one transaction; the copy is for those who want to go back to that program.
    """
    if shutil.disk_usage(path.parent).free < 2 * path.stat().st_size:
        return
    copy = path.with_name(f"{path.stem}-{version}{path.suffix}")
    with replaced_whole(copy, durable=True, as_folder=True) as draft:
        copy_database(path, draft)
        draft.chmod(path.stat().st_mode & 0o777)


def copy_database(source: Path, target: Path) -> None:
    """Copy a catalog as it is at one moment, whoever writes to it meanwhile."""
    reading = sqlite3.connect(source) if may_write(source) else connect_read_only(source)
    with closing(reading) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
