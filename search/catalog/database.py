"""Opening a catalog: connection settings, and bringing its schema up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError

from models.errors import KinodexError

SCHEMA = "0004"  # the newest revision in search/catalog/migrations/versions
_MIGRATIONS = Path(__file__).parent / "migrations"


class CatalogError(KinodexError):
    """The catalog cannot be opened: damaged, not a catalog, or made by a newer program."""


# What the disk or the file does to us; any other error of SQLite's is a defect of ours.
_TROUBLE = ("FULL", "IOERR", "READONLY", "BUSY", "CORRUPT", "NOTADB", "CANTOPEN", "PERM", "AUTH")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn trouble with the catalog's file into a CatalogError of one sentence."""
    try:
        yield
    except DatabaseError as error:
        name = getattr(error.orig, "sqlite_errorname", "").removeprefix("SQLITE_")
        if not name.startswith(_TROUBLE):
            raise
        raise CatalogError(
            f"the catalog {str(path)!r} cannot be used: {error.orig}; what was stored is kept"
        ) from error


def open_database(path: Path) -> Engine:
    """An engine on the SQLite file at `path`, created or migrated as needed.

    Raises CatalogError for a damaged file or one from a newer program.
    """
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _configure_connection)
    event.listen(engine, "begin", _begin)
    with explained(path):
        _bring_up_to_date(engine, path)
    return engine


def writer(engine: Engine) -> Engine:
    """The same engine, taking SQLite's write lock when a transaction begins.

    A transaction that reads first and writes later fails at once when another process has
    written in between; one that holds the lock from its beginning waits its turn.
    """
    return engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")


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


def _bring_up_to_date(engine: Engine, path: Path) -> None:
    found = _schema_version(engine)
    if found == SCHEMA:
        return
    if found is not None and found > SCHEMA:
        raise CatalogError(
            f"the library at {str(path.parent)!r} was made by a newer Kinodex: update this one"
        )
    _migrate(engine)


def _schema_version(engine: Engine) -> str | None:
    # Read by hand, because importing Alembic would cost every search a tenth of a second.
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    # Two processes may open a new library at once: the second waits here and finds it done.
    with writer(engine).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
