"""A library that answers: what is stored of it, and the engine that searches it."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from search.catalog.store import Store
from search.finding.hits import Hit
from search.finding.tag_search import answer
from search.queries.language import parse
from search.queries.query import Query

if TYPE_CHECKING:
    from models.clip.backbone import Backbone
    from search.finding.engine import SearchEngine


class Library(Store):
    """An open library. Use `Library.open`, and `close` or a `with` block when done."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        super().__init__(folder, engine)
        self._search_engine: SearchEngine | None = None

    def engine(self, backbone: "Backbone | None" = None) -> "SearchEngine":
        """The part that answers queries, loaded on first use; it keeps its model in memory.

        It is loaded again when the library has been moved to another model.
        """
        from search.finding.engine import SearchEngine

        if self._search_engine is None or not self._search_engine.follow():
            self._search_engine = SearchEngine.for_library(self, backbone)
        return self._search_engine

    def search(self, query: str | Query, k: int | None = None) -> list[Hit]:
        """The videos that match a query best, best first, each with its matching moments.

        query: in the query language ("dog + beach - snow --tag jumping"), or ready made
        k: how many videos, whatever the query says of that

        Raises QueryMistake, EmptyLibrary, and KinodexError for a label, picture or segment that
        is not there, or a model that cannot be had.
        """
        asked = parse(query) if isinstance(query, str) else query
        return answer(self, asked if k is None else replace(asked, k=k), self.engine)
