"""Answers to queries; those by tags alone, for which no model is loaded, are found here."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from search.catalog.embeddings import normalised, unpack
from search.catalog.places import is_searchable
from search.catalog.spaces import active_space
from search.catalog.store import Store, nothing_indexed
from search.catalog.tables import Segment, Space
from search.catalog.tag_tables import Label, Vocabulary
from search.finding.filters import VideoFacts, asked_first
from search.finding.grouping import first_videos, make_hits, read_candidates
from search.finding.hits import Hit
from search.queries.query import Filters, Query, check, needs_model
from search.tags.reading import TagFilter, Tagged, find_tagged, known_label

if TYPE_CHECKING:
    from search.finding.engine import SearchEngine


def answer(library: Store, query: Query, engine: "Callable[[], SearchEngine]") -> list[Hit]:
    """The videos that a query finds, best first, each with its moments.

    engine: gives the library's engine with its model, and is called only for a query that needs it

    Raises what `SearchEngine.search` and `search_tags` raise.
    """
    library.look_again()
    return engine().search(query) if needs_model(query) else search_tags(library, query)


def search_tags(library: Store, asked: Query) -> list[Hit]:
    """The videos in which the labels hold most surely, each with its moments.

    Raises EmptyLibrary, UnknownLabel, and KinodexError when nothing is tagged or wanted.
    """
    check(asked)
    with library.reading() as session:
        space = active_space(session)
        if space is None:
            raise nothing_indexed(library)
        filters = asked.filters
        tagged = find_tagged(session, TagFilter(filters.tags, filters.min_probability))
        visible = _visible(session, tagged, space, filters)
        groups = first_videos(read_candidates(session, visible, tagged=tagged), asked.k)
        shown = {video: group[: asked.per_video] for video, group in groups.items()}
        labels = [known_label(session, label) for label in filters.tags]
        query = _direction(session, labels, space.dim)
        return asked_first(make_hits(session, shown, query, space.dim), filters)


def _visible(session: Session, tagged: Tagged, space: Space, filters: Filters) -> np.ndarray:
    """Those of the segments that a search may show, in their order."""
    query = select(Segment.id, Segment.video_id).where(is_searchable(space.id))
    rows = session.execute(query).all()
    if filters.on_videos:
        passing = set(VideoFacts.read(session).passing(filters).tolist())
        rows = [row for row in rows if row.video_id in passing]
    visible = [row.id for row in rows]
    return tagged.ids[np.isin(tagged.ids, np.array(visible, dtype=np.int64))]


def _direction(session: Session, labels: Sequence[str], dim: int) -> np.ndarray | None:
    """What a frame in which all labels hold is near to; None for words of people's own."""
    blobs = session.scalars(
        select(Label.embedding)
        .join(Vocabulary, Vocabulary.id == Label.vocabulary_id)
        .where(Vocabulary.active, Label.text.in_(labels))
    ).all()
    return normalised(unpack(blobs, dim).sum(axis=0)[None])[0] if blobs else None
