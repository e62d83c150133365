"""What is stored of a library: the catalog, the vectors and the media, all in one folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self

from platformdirs import user_data_path
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.errors import KinodexError
from search.catalog.database import explained, open_database, writer
from search.catalog.settings import SETTINGS_FILE, Form, read_settings

ENVIRONMENT_VARIABLE = "KINODEX_LIBRARY"
CATALOG_FILE = "catalog.db"

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
    return (folder / CATALOG_FILE).is_file()


class Store:
    """An open library. Use `Store.open`, and `close` or a `with` block when done."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder
        self._engine = engine
        self._writer = writer(engine)

    @classmethod
    def open(cls, folder: Path | str | None = None, *, create: bool = False) -> Self:
        """The library in `folder` (by default the user's own), made first if `create`.

        Raises LibraryNotFound, or CatalogError when the catalog cannot be read.
        """
        place = Path(folder or default_folder()).expanduser().resolve()
        if not _holds_library(place):
            if not create:
                raise LibraryNotFound(
                    f"there is no library in {str(place)!r}: make one with 'kinodex index FOLDER'"
                )
            _make_folder(place)
        return cls(place, open_database(place / CATALOG_FILE))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the catalog's files."""
        self._engine.dispose()

    @property
    def catalog_file(self) -> Path:
        """The SQLite file that holds everything which cannot be made again."""
        return self.folder / CATALOG_FILE

    @property
    def vectors_folder(self) -> Path:
        """Where vector indexes lie; may be deleted at any time."""
        return self.folder / "vectors"

    @property
    def settings_file(self) -> Path:
        """The file with the library's settings; it need not exist."""
        return self.folder / SETTINGS_FILE

    def keyframe_file(self, segment_id: int) -> Path:
        """Where a segment's keyframe lies, when it has been drawn; may be deleted at any time."""
        # A folder a thousand files: file managers and back-ups stay quick.
        return self.folder / "media" / "keyframes" / str(segment_id // 1000) / f"{segment_id}.jpg"

    @property
    def sketches_folder(self) -> Path:
        """Where pictures of sketches lie; may be deleted at any time."""
        return self.folder / "media" / "sketches"

    def sketch_file(self, segment_id: int, kind: SketchKind) -> Path:
        """Where a picture of a segment's sketch lies, when there is one; may be deleted."""
        return self.sketches_folder / str(segment_id // 1000) / f"{segment_id}.{kind}"

    def query_picture_file(self, digest: str) -> Path:
        """Where a picture lies that was searched for; may be deleted at any time."""
        return self.folder / "media" / "queries" / f"{digest}.jpg"

    def settings(self, form: type[Form]) -> Form:
        """One table of library.toml over the defaults of its form, see `read_settings`."""
        return read_settings(self.folder, form)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one moment of the catalog and never waits for writers."""
        with explained(self.catalog_file), Session(self._engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose block is one transaction: all of it, or nothing."""
        with (
            explained(self.catalog_file),
            Session(self._writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session


def _make_folder(place: Path) -> None:
    try:
        (place / "media").mkdir(parents=True, exist_ok=True)
        (place / "vectors").mkdir(exist_ok=True)
    except OSError as error:
        raise KinodexError(
            f"a library cannot be made in {str(place)!r}: {error.strerror}"
        ) from error
