"""A library that answers: what is stored of it, and the engine that searches it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Engine

from search.catalog.store import Store
from search.finding.hits import Hit
from search.finding.tag_search import answer
from search.queries.language import parse
from search.queries.pictures import Picture, PictureUnreadable, read_picture
from search.queries.query import USUAL_COUNT, Query, QueryMistake, check_count
from search.segments import SegmentRow, read_embeddings_of_all, read_segments

if TYPE_CHECKING:
    from models.clip.backbone import Backbone
    from search.finding.engine import SearchEngine


class Library(Store):
    """An open library. Use `Library.open`, and `close` or a `with` block when done."""

    def __init__(self, folder: Path, engine: Engine, *, may_write: bool) -> None:
        super().__init__(folder, engine, may_write=may_write)
        self._search_engine: SearchEngine | None = None

    def engine(self, backbone: "Backbone | None" = None) -> "SearchEngine":
        """The part that answers queries, loaded on first use; it keeps its model in memory.

        It is loaded again when the library has been moved to another model.
        """
        from search.finding.engine import SearchEngine

        if self._search_engine is None or not self._search_engine.follow():
            self._search_engine = SearchEngine.for_library(self, backbone)
        return self._search_engine

    def search(self, query: str | Query | Picture, k: int | None = None) -> list[Hit]:
        """The videos that match a query best, best first, each with its matching moments.

        query: in the query language ("dog + beach - snow --tag jumping"), ready made, or a
            picture: one of Pillow's, a uint8 RGB array (height, width, 3), or a pathlib.Path
        k: how many videos, whatever the query says of that; 10 for a picture

        Raises QueryMistake, EmptyLibrary, and KinodexError for a label, picture or segment that
        is not there, or a model that cannot be had.
        """
        if isinstance(query, Picture):
            return self._search_picture(query, USUAL_COUNT if k is None else k)
        asked = parse(query) if isinstance(query, str) else query
        if not isinstance(asked, Query):
            raise QueryMistake(
                "a query is text, a Query, or a picture (Pillow, NumPy array, pathlib.Path), "
                f"not {type(query).__name__!r}"
            )
        return answer(self, asked if k is None else replace(asked, k=k), self.engine)

    def _search_picture(self, picture: Picture, k: int) -> list[Hit]:
        check_count(k)
        return self.engine().search_vector(self.encode_image(picture), k)

    def segments(self) -> Iterator[SegmentRow]:
        """The segments of all videos that lie somewhere now, by number, read as they are asked for.

        Raises EmptyLibrary where nothing was ever indexed.
        """
        return read_segments(self)

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        """The numbers and the embeddings of the segments that `segments` gives, in its order.

        The first is int64 (n,), the second float32 (n, dim), of unit length as far as the stored
        16 bits go. Raises EmptyLibrary where nothing was ever indexed.
        """
        return read_embeddings_of_all(self)

    def encode_text(self, text: str | Sequence[str]) -> np.ndarray:
        """A text as a unit vector of the library's space, float32 (dim,); of several (n, dim).

        `embeddings @ library.encode_text("a dog")` are the similarities that a search ranks by.
        Nothing in the text is understood as an option or a sign of the query language.

        Raises EmptyLibrary, and KinodexError for a model that cannot be had.
        """
        from search.finding.query_vectors import text_vectors

        texts = [text] if isinstance(text, str) else text
        if not (isinstance(texts, Sequence) and texts and all(isinstance(t, str) for t in texts)):
            raise QueryMistake("give a text, or a list of one or more texts")
        vectors = text_vectors(self.engine().backbone, texts)
        return vectors[0] if isinstance(text, str) else vectors

    def encode_image(self, picture: Picture | Sequence[Picture]) -> np.ndarray:
        """A picture as a unit vector of the library's space, float32 (dim,); of several (n, dim).

        picture: one of Pillow's, a uint8 RGB array (height, width, 3), a pathlib.Path, or a list

        Raises PictureUnreadable, EmptyLibrary, and KinodexError for a model that cannot be had.
        """
        from search.finding.query_vectors import picture_vectors

        if not isinstance(picture, Sequence) or isinstance(picture, str | bytes):
            return picture_vectors(self.engine().backbone, [read_picture(picture)])[0]
        if not picture:
            raise PictureUnreadable("give a picture, or a list of one or more pictures")
        return picture_vectors(self.engine().backbone, [read_picture(one) for one in picture])
