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

    from indexer.pipeline import IndexReport
    from kinodex.hits import Hits
    from kinodex.library import Library
    from models.clip.sources import ModelUnavailable
    from models.errors import KinodexError
    from models.heads.fit import HeadMismatch
    from search.catalog.database import CatalogError
    from search.catalog.lock import LibraryBusy
    from search.catalog.progress import Progress
    from search.catalog.segment_reference import NoSuchSegment
    from search.catalog.spaces import SpaceMismatch
    from search.catalog.store import EmptyLibrary, LibraryNotFound
    from search.catalog.summary import FailedFile
    from search.finding.hits import Hit, Moment, Why
    from search.queries.pictures import PictureUnreadable
    from search.queries.query import Filters, Query, QueryMistake, Term, TermKind
    from search.segments import SegmentRow
    from search.tags.reading import Tag, UnknownLabel

    __version__: str

# Where each name is. It is imported when it is first asked for: `import kinodex` loads no network.
_HOMES = {
    "CatalogError": "search.catalog.database",
    "EmptyLibrary": "search.catalog.store",
    "FailedFile": "search.catalog.summary",
    "Filters": "search.queries.query",
    "HeadMismatch": "models.heads.fit",
    "Hit": "search.finding.hits",
    "Hits": "kinodex.hits",
    "IndexReport": "indexer.pipeline",
    "KinodexError": "models.errors",
    "Library": "kinodex.library",
    "LibraryBusy": "search.catalog.lock",
    "LibraryNotFound": "search.catalog.store",
    "ModelUnavailable": "models.clip.sources",
    "Moment": "search.finding.hits",
    "NoSuchSegment": "search.catalog.segment_reference",
    "PictureUnreadable": "search.queries.pictures",
    "Progress": "search.catalog.progress",
    "Query": "search.queries.query",
    "QueryMistake": "search.queries.query",
    "SegmentRow": "search.segments",
    "SpaceMismatch": "search.catalog.spaces",
    "Tag": "search.tags.reading",
    "Term": "search.queries.query",
    "TermKind": "search.queries.query",
    "UnknownLabel": "search.tags.reading",
    "Why": "search.finding.hits",
}

__all__ = [
    "CatalogError",
    "EmptyLibrary",
    "FailedFile",
    "Filters",
    "HeadMismatch",
    "Hit",
    "Hits",
    "IndexReport",
    "KinodexError",
    "Library",
    "LibraryBusy",
    "LibraryNotFound",
    "ModelUnavailable",
    "Moment",
    "NoSuchSegment",
    "PictureUnreadable",
    "Progress",
    "Query",
    "QueryMistake",
    "SegmentRow",
    "SpaceMismatch",
    "Tag",
    "Term",
    "TermKind",
    "UnknownLabel",
    "Why",
    "__version__",
    "open",
]


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
