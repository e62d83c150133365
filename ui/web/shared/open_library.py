"""The library behind the page: opened once, with its model, for all browser tabs."""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from models.clip.backbone import load_backbone
from models.identity import ModelChoice
from search.catalog.places import count_videos
from search.catalog.settings import SearchSettings
from search.catalog.spaces import active_space, choice_of, encoder_of, tower_of
from search.catalog.store import Store, default_folder
from search.finding.engine import SearchEngine
from search.finding.hits import Hit
from search.finding.tag_search import answer
from search.queries.query import Query
from tasks.terminal.printing import talk


@dataclass(frozen=True)
class Answer:
    """What a search found, in how much it looked, and how long it took."""

    hits: list[Hit]
    videos: int
    segments: int
    seconds: float


class OpenLibrary:
    """A library with its model in memory, for use by many threads.

    When the library is fused with another head, the next search takes that up.
    """

    def __init__(self, library: Store, rerank: str) -> None:
        with library.reading() as session:
            space = active_space(session)
        stored = encoder_of(space) if space else None
        tower = tower_of(space, library.int8_folder) if space else None
        backbone = (
            load_backbone(choice_of(space), stored=stored, tower=tower, talk=talk)
            if space
            else None
        )
        self.library = library
        self._engine = SearchEngine.for_library(library, backbone, rerank=rerank)
        self._one_at_a_time = threading.Lock()

    def search(self, query: Query) -> Answer:
        """What the library answers, with what it took.

        Raises KinodexError: a mistake in the query, an unknown label, no video that is present.
        """
        with self._one_at_a_time:
            started = time.perf_counter()
            hits = answer(self.library, query, lambda: self._engine)
            seconds = time.perf_counter() - started
            with self.library.reading() as session:
                videos = count_videos(session)
            return Answer(hits, videos, len(self._engine.index), seconds)


def open_library() -> OpenLibrary:
    """The library named by the environment, opened anew only when it or its model was changed.

    The same goes for the re-ranker that its settings name.

    Raises KinodexError: no library, a damaged catalog, nothing indexed, or no model.
    """
    which = _which()
    library = _open_catalog(which)
    library.look_again()
    with library.reading() as session:
        space = active_space(session)
    choice = choice_of(space) if space else None
    weights = (space.weights_digest, space.int8) if space else None
    return _load_model(library, choice, library.settings(SearchSettings).rerank, (*which, weights))


def open_catalog() -> Store:
    """The library named by the environment, without its model.

    Raises KinodexError: no library, or a damaged catalog.
    """
    library = _open_catalog(_which())
    library.look_again()
    return library


@st.cache_resource(max_entries=1, show_spinner=False)
def _open_catalog(which: tuple[bytes, int]) -> Store:
    return Store.open(Path(os.fsdecode(which[0])))


@st.cache_resource(max_entries=1, show_spinner="Loading the model …")
def _load_model(
    _library: Store,
    choice: ModelChoice | None,
    rerank: str,
    which: tuple[bytes, int, tuple[str, str | None] | None],
) -> OpenLibrary:
    return OpenLibrary(_library, rerank)


def _which() -> tuple[bytes, int]:
    folder = default_folder().expanduser().resolve()
    return os.fsencode(folder), _inode(folder / "catalog.db")


def _inode(catalog: Path) -> int:
    """Differs when a library was deleted and made again in the same place; 0 for none."""
    try:
        return catalog.stat().st_ino
    except OSError:
        return 0
