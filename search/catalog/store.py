"""What is stored of a library: the catalog, the vectors and the media, all in one folder."""

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, Self

from platformdirs import user_data_path
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.errors import KinodexError
from search.catalog.database import (
    WAYS_OUT,
    CatalogError,
    DamagedCatalog,
    begins_as_database,
    compact,
    explained,
    open_database,
    require_sound,
    writer,
)
from search.catalog.reach import closed_paths, note_open, opens
from search.catalog.read_only import ReadOnlyLibrary, may_write, own_media
from search.catalog.settings import SETTINGS_FILE, Form, LibrarySettings, read_settings

ENVIRONMENT_VARIABLE = "KINODEX_LIBRARY"
CATALOG_FILE = "catalog.db"

# What a library's folder and its catalog are open to, by `group` in library.toml. The set-group-ID
# bit makes what is put into the folder belong to the folder's group.
FOLDER_MODES = {"none": 0o700, "read": 0o2750, "write": 0o2770}
FILE_MODES = {"none": 0o600, "read": 0o640, "write": 0o660}
# Opening a thousand files takes a hundredth of a second or so on a disk that answers.
_CLOSED_AT_ONCE = 1_000

# The tables that are small beside what is in them for each frame.
_LOOKED_THROUGH = ("videos", "paths", "segments", "spaces", "labels", "tags", "corrections")

SketchKind = Literal["svg", "png", "animated.svg", "webp", "mp4"]


class LibraryNotFound(KinodexError):
    """There is no library in the folder named."""


class EmptyLibrary(KinodexError):
    """Nothing has been indexed yet."""


def nothing_indexed(library: "Store") -> EmptyLibrary:
    """What to say of a library that has no space."""
    return EmptyLibrary(
        f"nothing is indexed in {str(library.folder)!r} yet: run 'kinodex index FOLDER' first"
    )


def default_folder() -> Path:
    """Where the library is when nobody says: $KINODEX_LIBRARY, else in the user's data folder."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return Path(named)
    place = user_data_path("kinodex", appauthor=False)
    # Before, every system had the same place: a library that lies there is still found.
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    earlier = Path(data) / "kinodex"
    return earlier if _holds_library(earlier) and not _holds_library(place) else place


def _holds_library(folder: Path) -> bool:
    try:
        return (folder / CATALOG_FILE).is_file()
    except PermissionError as error:
        raise KinodexError(f"the folder {str(folder)!r} may not be looked into") from error
    except (OSError, ValueError):  # a name that no file can have
        return False


class Store:
    """An open library. Use `Store.open`, and `close` or a `with` block when done.

    may_write: False on a read-only disk and for another user's library
    """

    def __init__(self, folder: Path, engine: Engine, *, may_write: bool) -> None:
        self.folder = folder
        self.may_write = may_write
        self._engine = engine
        self._writer = writer(engine)
        self._next_look = 0.0

    @classmethod
    def open(cls, folder: Path | str | None = None, *, create: bool = False) -> Self:
        """The library in `folder` (by default the user's own), made first if `create`.

        Raises LibraryNotFound, or CatalogError when the catalog cannot be read.
        """
        place = place_of(folder)
        catalog = place / CATALOG_FILE
        if not _holds_library(place):
            if not create:
                raise LibraryNotFound(
                    f"there is no library in {str(place)!r}: make one with 'kinodex index FOLDER'"
                )
            make_library_folder(place)
        _refuse_overwritten(catalog)
        writable = may_write(catalog)
        store = cls(place, open_database(catalog, writable=writable), may_write=writable)
        with ExitStack() as opening:
            opening.push(store)  # an error is explained, and the files are released
            store.look_again()
            opening.pop_all()
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: object, error: BaseException | None = None, _trace: object = None
    ) -> None:
        try:
            if isinstance(error, Exception) and not isinstance(error, KinodexError):
                self.blame_damage(error)
        finally:
            self.close()

    def blame_damage(self, error: Exception) -> None:
        """Raise DamagedCatalog where that explains an unforeseen error; it reads the whole catalog.

        A flipped bit may turn any value into one that no program wrote.
        """
        from search.catalog.soundness import find_problems

        with self.reading() as session:
            problem = next(find_problems(session), None)
        if problem is not None:
            raise DamagedCatalog(self.catalog_file, problem.what) from error

    def close(self) -> None:
        """Release the catalog's files."""
        self._engine.dispose()

    def require_writable(self) -> None:
        """Raise ReadOnlyLibrary where the library may only be read: before anything takes long."""
        if not self.may_write:
            raise ReadOnlyLibrary(self.folder)

    def require_sound(self) -> None:
        """Raise DamagedCatalog where SQLite finds damage: before anything is written for hours.

        Frames and sketches, which are most of a catalog, are not looked through.
        """
        with self.reading() as session:
            require_sound(self.catalog_file, session.connection(), *_LOOKED_THROUGH)

    @property
    def catalog_file(self) -> Path:
        """The SQLite file that holds everything which cannot be made again."""
        return self.folder / CATALOG_FILE

    @property
    def vectors_folder(self) -> Path:
        """Where vector indexes lie; may be deleted at any time."""
        return self.folder / "vectors"

    @property
    def int8_folder(self) -> Path:
        """Where the library's own picture towers in int8 lie: they cannot be made again."""
        return self.folder / "int8"

    @property
    def settings_file(self) -> Path:
        """The file with the library's settings; it need not exist."""
        return self.folder / SETTINGS_FILE

    def keyframe_file(self, segment_id: int) -> Path:
        """Where a segment's keyframe lies, when it has been drawn; may be deleted at any time."""
        # A folder a thousand files: file managers and back-ups stay quick.
        return self._media("keyframes", str(segment_id // 1000), f"{segment_id}.jpg")

    @property
    def sketches_folder(self) -> Path:
        """Where pictures of sketches lie; may be deleted at any time."""
        return self.folder / "media" / "sketches"

    def sketch_file(self, segment_id: int, kind: SketchKind) -> Path:
        """Where a picture of a segment's sketch lies, when there is one; may be deleted."""
        return self._media("sketches", str(segment_id // 1000), f"{segment_id}.{kind}")

    def query_picture_file(self, digest: str) -> Path:
        """Where a picture lies that was searched for; may be deleted at any time."""
        return self._media("queries", f"{digest}.jpg")

    def _media(self, *parts: str) -> Path:
        """Where a file lies that can be made again, which a library may be unable to hold."""
        file = self.folder.joinpath("media", *parts)
        if self.may_write or file.is_file():
            return file
        return media_folder(self.folder).joinpath(*parts)

    def settings(self, form: type[Form]) -> Form:
        """One table of library.toml over the defaults of its form, see `read_settings`."""
        return read_settings(self.folder, form)

    def look_again(self) -> None:
        """Bring back what was out of reach and can be opened again.

        Where thousands of files are out of reach, looking takes a twentieth of the time at most.
        """
        started = time.monotonic()
        if not self.may_write or started < self._next_look:
            return
        with self.reading() as session:
            closed = closed_paths(session)
        opened = [path_id for path_id, path in closed.items() if opens(path)]
        if opened:
            with contextlib.suppress(CatalogError), self.writing() as session:
                note_open(session, opened)
        if len(closed) >= _CLOSED_AT_ONCE:
            ended = time.monotonic()
            self._next_look = ended + 20 * (ended - started)

    def compact(self) -> None:
        """Give the disk back what deleted rows took, if it has room for doing so."""
        with contextlib.suppress(CatalogError), explained(self.catalog_file):
            compact(self._engine)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one moment of the catalog and never waits for writers."""
        with explained(self.catalog_file), Session(self._engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose block is one transaction: all of it, or nothing.

        Raises ReadOnlyLibrary.
        """
        self.require_writable()
        with (
            explained(self.catalog_file),
            Session(self._writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session


def place_of(folder: Path | str | None) -> Path:
    """The whole path of a library's folder, by default the user's own.

    Raises KinodexError for what can be no folder's name.
    """
    try:
        return Path(folder or default_folder()).expanduser().resolve()
    except (ValueError, RuntimeError, OSError) as error:
        # A zero byte, an unknown user's home, or a link that leads to itself.
        raise KinodexError(f"{str(folder)!r} can be no folder: {error}") from error


def make_library_folder(place: Path) -> None:
    """Make the folder of a new library with an empty catalog, open to those whom the settings name.

    A folder that holds something already stays as open as it is. Raises KinodexError.
    """
    group = read_settings(place, LibrarySettings).group
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.mkdir(mode=0o700, exist_ok=True)
        if not any(place.iterdir()) or group != "none":
            place.chmod(FOLDER_MODES[group])
        for part in ("media", "vectors"):
            (place / part).mkdir(mode=0o700, exist_ok=True)
            (place / part).chmod(FOLDER_MODES[group])
        # Made before SQLite sees it, and in the mode that its files beside the catalog will have.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(place / CATALOG_FILE, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            (place / CATALOG_FILE).chmod(FILE_MODES[group])
    except OSError as error:
        raise KinodexError(
            f"a library cannot be made in {str(place)!r}: {error.strerror}"
        ) from error


def media_folder(library: Path) -> Path:
    """Where pictures and clips of the library in a folder can be put, all to be made again."""
    return library / "media" if may_write(library / CATALOG_FILE) else own_media(library)


def _refuse_overwritten(catalog: Path) -> None:
    """Raise CatalogError for a file that is no catalog any more."""
    try:
        if not catalog.stat().st_size:
            _refuse_emptied(catalog)
        elif not begins_as_database(catalog):
            raise DamagedCatalog(catalog, "file is not a database")
    except OSError:  # SQLite says what is wrong with it
        return


def _refuse_emptied(catalog: Path) -> None:
    """Raise CatalogError for an empty catalog beside what only a full one leaves."""
    log = catalog.with_name(catalog.name + "-wal")
    parts = (catalog.with_name(part) for part in ("media", "vectors"))
    leftover = log.is_file() and log.stat().st_size > 0
    leftover = leftover or any(file.is_file() for part in parts for file in part.rglob("*"))
    if leftover:
        raise CatalogError(
            f"the catalog {str(catalog)!r} is empty, but what lies beside it is not: something "
            f"has emptied it. {WAYS_OUT}; delete the catalog to begin anew"
        )
