"""A library: one folder that holds the catalog, the vectors and the media of a collection."""

import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.errors import KinodexError
from search.database import explained, open_database, writer
from search.hits import Hit

if TYPE_CHECKING:
    from models.backbone import Backbone
    from search.engine import SearchEngine
    from search.query import Query

ENVIRONMENT_VARIABLE = "KINODEX_LIBRARY"

Settings = TypeVar("Settings", bound=BaseModel)

SketchKind = Literal["svg", "png", "animated.svg", "webp", "mp4"]


class LibraryNotFound(KinodexError):
    """There is no library in the folder named."""


class EmptyLibrary(KinodexError):
    """Nothing has been indexed yet."""


def nothing_indexed(library: "Library") -> EmptyLibrary:
    """What to say of a library that has no space."""
    return EmptyLibrary(
        f"nothing is indexed in {str(library.folder)!r} yet: run 'kinodex index FOLDER' first"
    )


def default_folder() -> Path:
    """Where the library is when nobody says: $KINODEX_LIBRARY, else in the user's data folder."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "kinodex"


class Library:
    """An open library. Use `Library.open`, and `close` or a `with` block when done."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder
        self._engine = engine
        self._writer = writer(engine)
        self._search_engine: SearchEngine | None = None

    @classmethod
    def open(cls, folder: Path | str | None = None, *, create: bool = False) -> "Library":
        """The library in `folder` (by default the user's own), made first if `create`.

        Raises LibraryNotFound, or CatalogError when the catalog cannot be read.
        """
        place = Path(folder or default_folder()).expanduser().resolve()
        if not (place / "catalog.db").is_file():
            if not create:
                raise LibraryNotFound(
                    f"there is no library in {str(place)!r}: make one with 'kinodex index FOLDER'"
                )
            _make_folder(place)
        return cls(place, open_database(place / "catalog.db"))

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the catalog's files."""
        self._engine.dispose()

    @property
    def catalog_file(self) -> Path:
        """The SQLite file that holds everything which cannot be made again."""
        return self.folder / "catalog.db"

    @property
    def vectors_folder(self) -> Path:
        """Where vector indexes lie; may be deleted at any time."""
        return self.folder / "vectors"

    @property
    def settings_file(self) -> Path:
        """The file with the library's settings; it need not exist."""
        return self.folder / "library.toml"

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

    def settings(self, section: str) -> dict[str, Any]:
        """One table of library.toml, empty when there is none. Raises KinodexError if malformed."""
        try:
            text = self.settings_file.read_text(encoding="utf-8")
            table = tomllib.loads(text).get(section, {})
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise KinodexError(f"{str(self.settings_file)!r} cannot be read: {error}") from error
        if not isinstance(table, dict):
            raise KinodexError(f"{str(self.settings_file)!r}: '{section}' must be a [table]")
        return table

    def checked_settings(self, section: str, form: type[Settings]) -> Settings:
        """One table of library.toml over the defaults of its form.

        Raises KinodexError that names the file, the key and what is wrong with its value.
        """
        try:
            return form(**self.settings(section))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"]) or "its values"
            raise KinodexError(
                f"{str(self.settings_file)!r}, [{section}], {key}: {first['msg'].lower()}"
            ) from error

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

    def engine(self, backbone: "Backbone | None" = None) -> "SearchEngine":
        """The part that answers queries, loaded on first use; it keeps its model in memory.

        It is loaded again when the library has been moved to another model.
        """
        from search.engine import SearchEngine

        if self._search_engine is None or not self._search_engine.follow():
            self._search_engine = SearchEngine.for_library(self, backbone)
        return self._search_engine

    def search(self, query: "str | Query", k: int | None = None) -> "list[Hit]":
        """The videos that match a query best, best first, each with its matching moments.

        query: in the query language ("dog + beach - snow --tag jumping"), or ready made
        k: how many videos, whatever the query says of that

        Raises QueryMistake, EmptyLibrary, and KinodexError for a label, picture or segment that
        is not there, or a model that cannot be had.
        """
        from search.query import needs_model
        from search.query_language import parse
        from search.tag_search import search_tags

        asked = parse(query) if isinstance(query, str) else query
        asked = asked if k is None else replace(asked, k=k)
        if needs_model(asked):
            return self.engine().search(asked)
        return search_tags(self, asked)


def _make_folder(place: Path) -> None:
    try:
        (place / "media").mkdir(parents=True, exist_ok=True)
        (place / "vectors").mkdir(exist_ok=True)
    except OSError as error:
        raise KinodexError(
            f"a library cannot be made in {str(place)!r}: {error.strerror}"
        ) from error
