"""Moments by their tags alone. No model is loaded for that."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import KinodexError
from search.candidates import first_videos, make_hits, read_candidates
from search.catalog import Segment, SegmentEmbedding, Space
from search.embeddings import normalised, unpack
from search.hits import Hit
from search.library import Library, nothing_indexed
from search.presence import is_present
from search.spaces import active_space
from search.tag_tables import Label, Vocabulary
from search.tags import TagFilter, Tagged, find_tagged, known_label


def search_tags(library: Library, wanted: TagFilter, k: int = 10) -> list[Hit]:
    """The `k` videos in which the labels hold most surely, each with its moments.

    Raises EmptyLibrary, UnknownLabel, and KinodexError when nothing is tagged or wanted.
    """
    if not wanted.labels:
        raise KinodexError("the query is empty: say what to look for")
    if k < 1:
        raise KinodexError("the number of results must be at least 1")
    with library.reading() as session:
        space = active_space(session)
        if space is None:
            raise nothing_indexed(library)
        tagged = find_tagged(session, wanted)
        candidates = read_candidates(session, _visible(session, tagged, space), tagged=tagged)
        labels = [known_label(session, label) for label in wanted.labels]
        query = _direction(session, labels, space.dim)
        return make_hits(session, first_videos(candidates, k), query, space.dim)


def _visible(session: Session, tagged: Tagged, space: Space) -> np.ndarray:
    """Those of the segments that a search may show, in their order."""
    visible = session.scalars(
        select(Segment.id)
        .join(SegmentEmbedding, SegmentEmbedding.segment_id == Segment.id)
        .where(SegmentEmbedding.space_id == space.id, is_present())
    ).all()
    return tagged.ids[np.isin(tagged.ids, np.array(visible, dtype=np.int64))]


def _direction(session: Session, labels: Sequence[str], dim: int) -> np.ndarray | None:
    """What a frame in which all labels hold is near to; None for words of people's own."""
    blobs = session.scalars(
        select(Label.embedding)
        .join(Vocabulary, Vocabulary.id == Label.vocabulary_id)
        .where(Vocabulary.active, Label.text.in_(labels))
    ).all()
    return normalised(unpack(blobs, dim).sum(axis=0)[None])[0] if blobs else None
