"""Search video libraries by what happens in them.

    import kinodex

    with kinodex.open("holidays", create=True) as library:
        library.index("~/Videos/holidays")
        for hit in library.search("a dog runs on the beach", k=5):
            print(hit.paths[0], hit.best_s, hit.score)

A library is a folder. `open` gives a `Library`:

    index           make videos searchable; only what is new or changed is encoded
    failures        the files that could not be indexed, and why
    search          by words, a picture, or all else that the query language has; hits show
                    themselves in a notebook
    segments        what was indexed, a row for each segment
    embeddings      their vectors as one array
    encode_text     a text as a vector of the same space
    encode_image    a picture as a vector of the same space

What a user can mend is a `KinodexError`, whose text says how; the other exceptions are kinds of it.
docs/python.md has more examples, and `python -m kinodex` is the command.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.pipeline import IndexReport as IndexReport
    from kinodex.hits import Hits as Hits
    from kinodex.library import Library as Library
    from models.errors import KinodexError as KinodexError
    from models.errors import ModelUnavailable as ModelUnavailable
    from models.heads.fit import HeadMismatch as HeadMismatch
    from search.catalog.database import CatalogError as CatalogError
    from search.catalog.lock import LibraryBusy as LibraryBusy
    from search.catalog.progress import Progress as Progress
    from search.catalog.segment_reference import NoSuchSegment as NoSuchSegment
    from search.catalog.spaces import SpaceMismatch as SpaceMismatch
    from search.catalog.store import EmptyLibrary as EmptyLibrary
    from search.catalog.store import LibraryNotFound as LibraryNotFound
    from search.catalog.summary import FailedFile as FailedFile
    from search.finding.hits import Hit as Hit
    from search.finding.hits import Moment as Moment
    from search.finding.hits import Why as Why
    from search.queries.pictures import PictureUnreadable as PictureUnreadable
    from search.queries.query import Filters as Filters
    from search.queries.query import Query as Query
    from search.queries.query import QueryMistake as QueryMistake
    from search.queries.query import Term as Term
    from search.queries.query import TermKind as TermKind
    from search.segments import SegmentRow as SegmentRow
    from search.tags.reading import Tag as Tag
    from search.tags.reading import UnknownLabel as UnknownLabel

    __version__: str

# Where each name is. It is imported when it is first asked for: `import kinodex` loads no network.
_NAMES = {
    "indexer.pipeline": ("IndexReport",),
    "kinodex.hits": ("Hits",),
    "kinodex.library": ("Library",),
    "models.errors": ("KinodexError", "ModelUnavailable"),
    "models.heads.fit": ("HeadMismatch",),
    "search.catalog.database": ("CatalogError",),
    "search.catalog.lock": ("LibraryBusy",),
    "search.catalog.progress": ("Progress",),
    "search.catalog.segment_reference": ("NoSuchSegment",),
    "search.catalog.spaces": ("SpaceMismatch",),
    "search.catalog.store": ("EmptyLibrary", "LibraryNotFound"),
    "search.catalog.summary": ("FailedFile",),
    "search.finding.hits": ("Hit", "Moment", "Why"),
    "search.queries.pictures": ("PictureUnreadable",),
    "search.queries.query": ("Filters", "Query", "QueryMistake", "Term", "TermKind"),
    "search.segments": ("SegmentRow",),
    "search.tags.reading": ("Tag", "UnknownLabel"),
}
_HOMES = dict(sorted((name, module) for module, names in _NAMES.items() for name in names))

__all__ = list(_HOMES)
__all__ += ["__version__", "open"]


def open(folder: "Path | str | None" = None, *, create: bool = False) -> "Library":
    """The library in `folder` (by default the user's own), made first if `create`.

    Use it in a `with` block, or `close` it when done.

    Raises LibraryNotFound, or CatalogError when the catalog cannot be read.
    """
    from kinodex.library import Library

    return Library.open(folder, create=create)


if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        from importlib import import_module, metadata

        if name == "__version__":
            return metadata.version("kinodex")
        if name not in _HOMES:
            raise AttributeError(f"module 'kinodex' has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
