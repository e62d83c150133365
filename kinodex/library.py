"""A library as Python sees it: it searches, and indexes too."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import search.library
from kinodex.hits import Hits
from models.errors import KinodexError
from models.files import typed_path
from search.catalog.progress import Progress
from search.catalog.summary import FailedFile, failures
from search.queries.pictures import Picture
from search.queries.query import Query

if TYPE_CHECKING:
    from indexer.pipeline import IndexReport

_log = logging.getLogger("kinodex")


class Library(search.library.Library):
    """An open library. `kinodex.open` gives it; use it in a `with` block, or `close` it when done.

    The model is loaded by the first call that needs it, and kept.
    """

    def search(self, query: str | Query | Picture, k: int | None = None) -> Hits:
        """The videos that match a query best, best first, each with its matching moments.

        query: in the query language ("dog + beach - snow --tag jumping"), ready made, or a
            picture: one of Pillow's, a uint8 RGB array (height, width, 3), or a pathlib.Path
        k: how many videos, whatever the query says of that; 10 for a picture

        Raises QueryMistake, EmptyLibrary, and KinodexError for a label, picture or segment that
        is not there, or a model that cannot be had.
        """
        hits = super().search(query, k)
        return Hits(hits, keyframes={hit.segment: self.keyframe_file(hit.segment) for hit in hits})

    def index(
        self,
        paths: Path | str | Iterable[Path | str] = (),
        *,
        model: str | None = None,
        pretrained: str | None = None,
        weights: Path | str | None = None,
        head: str | None = None,
        device: str | None = None,
        reindex: bool = False,
        retry_failed: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> "IndexReport":
        """Make videos searchable, as `kinodex index` does; only what is new or changed is encoded.

        Name all paths in one call: the model is loaded once for each. A file that cannot be read
        stops nothing; `report.failed` counts them and `failures` says why. What takes its time,
        such as a download, is said to the logger "kinodex". It may be interrupted: what is finished
        is kept.

        paths: files and folders; with `reindex` or `retry_failed` none means all that are known
        model: "bundled", "imagenet", an open_clip name or "hf-hub:ORG/REPO". A new library without
            one gets a good one for the device, downloaded once.
        pretrained, weights: of that model, a tag or a file
        head: what fuses a segment's frames: a name or a file; by default the library's own
        device: "cpu", "cuda" or "mps"; by default the best one present
        reindex: encode every video again where another model or other settings need it
        retry_failed: try failed files once more
        on_progress: is told after each step how far it is

        Raises KinodexError for a path that leads nowhere, and its kinds LibraryBusy,
        ModelUnavailable, SpaceMismatch and HeadMismatch.
        """
        from indexer.pipeline import check_paths
        from search.heads import choose_head
        from tasks.index_progress import NotedIndexing
        from tasks.index_setup import IndexSetup, pass_over
        from tasks.terminal.model_flags import ModelFlags

        wanted = _as_paths(paths)
        if not (wanted or reindex or retry_failed):
            raise KinodexError("name at least one file or folder to index")
        check_paths(wanted)
        flags = ModelFlags(model, pretrained, Path(weights) if weights else None, device)
        asked_head = choose_head(head) if head else None
        setup = IndexSetup.load(self, flags, _log.info, head=asked_head, reindex=reindex)
        with NotedIndexing(self.folder, on_progress or _ignore) as listener:
            return setup.run(
                pass_over(wanted, reindex=reindex, retry_failed=retry_failed), listener
            )

    def failures(self) -> list[FailedFile]:
        """The files that cannot be indexed, each with the reason, by path."""
        return failures(self)


def _as_paths(paths: Path | str | Iterable[Path | str]) -> list[Path]:
    several = [paths] if isinstance(paths, Path | str) else paths
    return [typed_path(path) for path in several]


def _ignore(_: Progress) -> None:
    """Nobody wants to hear how far it is."""
