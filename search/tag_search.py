"""Moments by their tags alone. No model is loaded for that."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from search.candidates import first_videos, make_hits, read_candidates
from search.catalog import Segment, SegmentEmbedding, Space
from search.embeddings import normalised, unpack
from search.filtering import VideoFacts
from search.hits import Hit
from search.library import Library, nothing_indexed
from search.presence import is_present
from search.query import Filters, Query, check
from search.spaces import active_space
from search.tag_tables import Label, Vocabulary
from search.tags import TagFilter, Tagged, find_tagged, known_label


def search_tags(library: Library, asked: Query) -> list[Hit]:
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
        return make_hits(session, shown, query, space.dim)


def _visible(session: Session, tagged: Tagged, space: Space, filters: Filters) -> np.ndarray:
    """Those of the segments that a search may show, in their order."""
    query = (
        select(Segment.id, Segment.video_id)
        .join(SegmentEmbedding, SegmentEmbedding.segment_id == Segment.id)
        .where(SegmentEmbedding.space_id == space.id, is_present())
    )
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
