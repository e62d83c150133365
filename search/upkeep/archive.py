"""A backup: one file with all of a library that cannot be made again, and back from it.

    kinodex.json        what it is: format, schema, when it was made, counts of rows
    catalog.db          the catalog as it was at one moment
    library.toml, vocabularies/, heads/, int8/ and, where it was asked for, media/
    digests.json        BLAKE2b of each of them

It is a tar file of regular files. What is restored is checked as a whole before it takes its place.
"""

import hashlib
import io
import json
import re
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO

from models.errors import KinodexError
from models.files import make_folder, replaced_whole
from search.catalog.database import (
    SCHEMA,
    DamagedCatalog,
    begins_as_database,
    copy_database,
    explained,
)
from search.catalog.lock import only_indexer, only_sketcher
from search.catalog.read_only import ReadOnlyLibrary, may_write
from search.catalog.settings import LibrarySettings, read_settings
from search.catalog.store import CATALOG_FILE, FILE_MODES, FOLDER_MODES, Store, make_library_folder

FORMAT = 1
_ABOUT, _DIGESTS = "kinodex.json", "digests.json"
_COUNTED = ("videos", "paths", "segments", "segment_embeddings", "sketches", "tags", "corrections")
_CHUNK_BYTES = 1 << 20
_MOST_ABOUT_BYTES = 10_000_000
# What a backup may hold, and nothing else is ever written from it.
_NAMES = re.compile(
    r"catalog\.db|library\.toml|(vocabularies|heads)/[^/\x00]+|int8/[0-9a-z]+\.(xml|bin|json)|"
    r"media/(keyframes|sketches)/[0-9]+/[0-9]+\.[a-z0-9.]+|media/queries/[0-9a-f]+\.jpg"
)


class BackupUnusable(KinodexError):
    """A file that is no backup, or one that is damaged."""


@dataclass(frozen=True)
class Backup:
    """What a backup holds. `counts` are rows of the catalog by table."""

    format: int
    schema: str
    made_at: str
    counts: dict[str, int]


def write_backup(library: Store, file: Path, *, media: bool = False) -> Backup:
    """Write a library into one file, whoever works on it meanwhile; an older backup is replaced.

    media: pictures of keyframes and sketches too, which can be made again from videos and catalog

    Raises DamagedCatalog, BackupUnusable for a file of another kind in that place, and OSError.
    """
    if file.exists() and not _is_backup(file):
        raise BackupUnusable(f"{str(file)!r} is there already and is no backup of a library")
    with tempfile.TemporaryDirectory(prefix=".kinodex-", dir=file.parent) as folder:
        catalog = Path(folder) / CATALOG_FILE
        with explained(library.catalog_file):
            copy_database(library.catalog_file, catalog)
        if damage := _damage(catalog):
            raise DamagedCatalog(library.catalog_file, damage)
        about = Backup(FORMAT, SCHEMA, datetime.now(UTC).isoformat(), _counts(catalog))
        with replaced_whole(file, durable=True) as draft:
            draft.touch(mode=0o600)
            with tarfile.open(draft, "w", format=tarfile.PAX_FORMAT) as tar:
                _add(tar, _ABOUT, json.dumps(asdict(about), indent=2).encode())
                digests = {CATALOG_FILE: _add_file(tar, CATALOG_FILE, catalog)}
                for name, source in _members(library, catalog, media=media):
                    if (digest := _add_file(tar, name, source)) is not None:
                        digests[name] = digest
                _add(tar, _DIGESTS, json.dumps(digests, indent=2).encode())
    return about


def restore_backup(file: Path, place: Path, *, replace: bool = False) -> Backup:
    """Make the library in a folder from a backup; what was there is moved aside, if `replace`.

    Raises BackupUnusable, KinodexError where a library is and `replace` is not given, LibraryBusy.
    """
    if not may_write(place / CATALOG_FILE):
        raise ReadOnlyLibrary(place)
    if (place / CATALOG_FILE).exists() and not replace:
        raise KinodexError(
            f"there is a library in {str(place)!r}: '--replace' moves it aside, '--library' names "
            "another folder"
        )
    is_new = not place.exists()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".restoring-", dir=place) as folder:
            about = _unpack(file, Path(folder))
            with only_indexer(place), only_sketcher(place):
                _put_in_place(Path(folder), place)
    except BaseException:
        if is_new:
            shutil.rmtree(place, ignore_errors=True)
        raise
    return about


def _members(library: Store, catalog: Path, *, media: bool) -> Iterator[tuple[str, Path]]:
    yield "library.toml", library.settings_file
    for file in sorted((library.folder / "vocabularies").glob("*")):
        yield f"vocabularies/{file.name}", file
    for file in sorted(library.int8_folder.glob("*")):
        if _NAMES.fullmatch(name := f"int8/{file.name}"):
            yield name, file
    with closing(sqlite3.connect(catalog)) as connection:
        heads = connection.execute("SELECT DISTINCT head_file FROM spaces WHERE head_file NOT NULL")
        for number, (head,) in enumerate(heads.fetchall()):
            path = Path(bytes(head).decode("utf-8", "surrogateescape"))
            for one in (path, path.with_suffix(".json")):
                yield f"heads/{number}-{one.name}", one
    if media:
        for kind in ("keyframes", "sketches", "queries"):
            for file in sorted((library.folder / "media" / kind).rglob("*")):
                name = file.relative_to(library.folder).as_posix()
                if _NAMES.fullmatch(name):
                    yield name, file


def _damage(catalog: Path) -> str | None:
    """What SQLite finds wrong first: a damaged catalog never takes a good backup's place."""
    try:
        with closing(sqlite3.connect(catalog)) as connection:
            found = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
            _rows(connection)
    except sqlite3.Error as error:
        return str(error)
    return None if found == "ok" else found


def _counts(catalog: Path) -> dict[str, int]:
    with closing(sqlite3.connect(catalog)) as connection:
        return _rows(connection)


def _rows(connection: sqlite3.Connection) -> dict[str, int]:
    return {
        table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        for table in _COUNTED
    }


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    tar.addfile(member, io.BytesIO(content))


def _add_file(tar: tarfile.TarFile, name: str, source: Path) -> str | None:
    """Add a file and → its digest; None for one that is not there (any more)."""
    if not source.is_file():
        return None
    try:
        content = source.open("rb")
    except FileNotFoundError:
        return None
    with content:
        digest = hashlib.file_digest(content, _new_digest).hexdigest()
        member = tarfile.TarInfo(name)
        member.size, member.mode = content.tell(), 0o600
        content.seek(0)
        tar.addfile(member, content)
    return digest


def _new_digest() -> "hashlib.blake2b":
    return hashlib.blake2b(digest_size=32)


def _is_backup(file: Path) -> bool:
    try:
        with _opened(file) as tar:
            first = tar.next()
            return first is not None and first.name == _ABOUT
    except BackupUnusable:
        return False


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    if not file.is_file():
        raise BackupUnusable(f"there is no file {str(file)!r}")
    try:
        with tarfile.open(file, "r:") as tar:
            yield tar
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise BackupUnusable(f"{str(file)!r} is no backup, or is damaged: {error}") from error


def _unpack(file: Path, folder: Path) -> Backup:
    """Everything of a backup into an empty folder, checked. Raises BackupUnusable."""
    documents: dict[str, bytes] = {}
    digests: dict[str, str] = {}
    with _opened(file) as tar:
        left_bytes = shutil.disk_usage(folder).free
        for member in tar:
            left_bytes -= member.size
            if left_bytes < 0:
                raise BackupUnusable(f"the disk has no room for what {str(file)!r} holds")
            content = tar.extractfile(member) if member.isreg() and not member.issparse() else None
            if content is None:
                raise BackupUnusable(f"{str(file)!r} holds more than files: it is no backup")
            if member.name in (_ABOUT, _DIGESTS) and member.size <= _MOST_ABOUT_BYTES:
                documents[member.name] = content.read()
            else:
                digests[member.name] = _write(content, folder, member.name)
    return _checked(file, folder, documents, digests)


def _write(content: IO[bytes], folder: Path, name: str) -> str:
    if not _NAMES.fullmatch(name) or ".." in PurePosixPath(name).parts:
        raise BackupUnusable(f"it holds a file named {name!r}: it is no backup of a library")
    target = folder / name
    make_folder(target.parent)
    digest = _new_digest()
    with target.open("xb") as written:
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
            written.write(chunk)
    return digest.hexdigest()


def _checked(
    file: Path, folder: Path, documents: dict[str, bytes], digests: dict[str, str]
) -> Backup:
    try:
        about = Backup(**json.loads(documents[_ABOUT]))
        wanted = json.loads(documents[_DIGESTS])
        newer = str(about.schema) > SCHEMA or int(about.format) > FORMAT
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise BackupUnusable(f"{str(file)!r} is no backup, or not a whole one") from error
    if newer:
        raise BackupUnusable(f"{str(file)!r} was made by a newer Kinodex: update this one")
    if wanted != digests or CATALOG_FILE not in digests:
        raise BackupUnusable(f"{str(file)!r} is damaged: what it holds is not what was put in")
    catalog = folder / CATALOG_FILE
    if damage := _damage(catalog):
        raise BackupUnusable(f"{str(file)!r} is damaged: {damage}")
    if _counts(catalog) != about.counts:
        raise BackupUnusable(f"{str(file)!r} is damaged: its catalog has other rows")
    return about


def _put_in_place(fresh: Path, place: Path) -> None:
    """Let the parts in `fresh` be the library's, after those that were there went aside."""
    _find_heads(fresh, place)
    is_settled = _settled(place / CATALOG_FILE)
    parts = [CATALOG_FILE, f"{CATALOG_FILE}-wal", f"{CATALOG_FILE}-shm"]
    parts += ["library.toml", "vocabularies", "heads", "int8", "media", "vectors"]
    before = [part for part in parts if (place / part).exists()]
    if before:
        aside = place / f"replaced-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
        aside.mkdir(mode=0o700)
        for part in before:
            if part == CATALOG_FILE and is_settled:
                _keep(place / part, aside / part)
            else:
                (place / part).rename(aside / part)
    group = read_settings(fresh, LibrarySettings).group
    for entry in sorted(fresh.iterdir(), key=lambda entry: entry.name == CATALOG_FILE):
        for one in [entry, *entry.rglob("*")]:
            one.chmod((FOLDER_MODES if one.is_dir() else FILE_MODES)[group])
        # The catalog comes last and takes the old one's place: there is a library at any moment.
        entry.replace(place / entry.name)
    make_library_folder(place)  # what a backup without pictures lacks


def _settled(catalog: Path) -> bool:
    """Whether a catalog is whole without its journal, which must never meet another catalog."""
    try:
        if not begins_as_database(catalog):
            return False
        with closing(sqlite3.connect(catalog)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            journal = catalog.with_name(f"{catalog.name}-wal")
            return not journal.exists() or journal.stat().st_size == 0
    except (sqlite3.Error, OSError):  # it is gone or damaged, or somebody writes
        return False


def _keep(file: Path, aside: Path) -> None:
    """Let a file be in another place too."""
    try:
        aside.hardlink_to(file)
    except OSError:  # not every file system knows links
        shutil.copy2(file, aside)


def _find_heads(fresh: Path, place: Path) -> None:
    """Where a head's own file is gone, let the catalog name the one of the backup."""
    with closing(sqlite3.connect(fresh / CATALOG_FILE)) as connection, connection:
        heads = "SELECT DISTINCT head_file FROM spaces WHERE head_file NOT NULL"
        for number, (head,) in enumerate(connection.execute(heads).fetchall()):
            path = Path(bytes(head).decode("utf-8", "surrogateescape"))
            kept = f"{number}-{path.name}"
            if not path.is_file() and (fresh / "heads" / kept).is_file():
                new = str(place / "heads" / kept).encode("utf-8", "surrogateescape")
                connection.execute(
                    "UPDATE spaces SET head_file = ? WHERE head_file = ?", (new, head)
                )
