"""Indexing as the program does it, without its talk, into libraries that are thrown away."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.inputs.embeddings import clustered
from benchmarks.inputs.shelves import SEGMENTS_PER_VIDEO, fill
from indexer.discover import Discovery
from indexer.pipeline import Indexer
from indexer.reading.settings import IndexSettings
from indexer.registration import PathToIndex, Scan
from models.clip.backbone import Backbone
from models.heads.checkpoints import LoadedHead, load_head
from models.identity import HeadChoice, HeadIdentity
from search.catalog.store import Store


class IndexingFailed(RuntimeError):
    """A file was not indexed, so nothing that was measured means anything."""


class Silence:
    """A listener that only minds failures."""

    def on_scan(self, discovery: Discovery, scan: Scan) -> None: ...

    def on_frames(self, job: PathToIndex, frames: int, fraction: float) -> None: ...

    def on_done(self, job: PathToIndex) -> None: ...

    def on_failed(self, job: PathToIndex, reason: str) -> None:
        raise IndexingFailed(f"{job.path}: {reason}")


@contextmanager
def new_library() -> Iterator[Store]:
    """An empty library that lives as long as the block."""
    with tempfile.TemporaryDirectory() as folder, Store.open(folder, create=True) as library:
        yield library


@contextmanager
def filled_library(
    backbone: Backbone, segments: int, *, head: HeadIdentity | None = None
) -> Iterator[Store]:
    """A library of made-up segments, see `fill`, that lives as long as the block."""
    made = clustered(segments, 1, backbone.dim, segments_per_video=SEGMENTS_PER_VIDEO)
    with new_library() as library:
        fill(library, backbone, made.vectors, head=head)
        yield library


def indexer_for(library: Store, backbone: Backbone, settings: IndexSettings) -> Indexer:
    """The program's own indexer. Its `index` raises IndexingFailed when a file fails."""
    head = mean_pooling(backbone)
    return Indexer(library, backbone, head, settings, Silence(), threading.Event())


def mean_pooling(backbone: Backbone) -> LoadedHead:
    """The head that every model has."""
    return load_head(HeadChoice(), backbone.identity, backbone.dim)
