"""Which segments a query may find at all: filters come before the cut."""

from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from search.filtering import VideoFacts
from search.query import Filters
from search.segment_index import SegmentIndex
from search.tags import TagFilter, Tagged, find_tagged


@dataclass(frozen=True)
class Scope:
    """Segments that pass the filters.

    ids: (n,), in order; None for all that are present
    tagged: those that hold the tags asked for, if any are
    """

    ids: np.ndarray | None = None
    tagged: Tagged | None = None

    def without(self, index: SegmentIndex, segments: list[int]) -> "Scope":
        """All but these."""
        if not segments:
            return self
        known = index.visible() if self.ids is None else self.ids
        return Scope(np.setdiff1d(known, np.array(segments, np.int64)), self.tagged)


class ScopeFinder:
    """Finds scopes. What is known of videos is read again when the library has changed."""

    def __init__(self, index: SegmentIndex) -> None:
        self._index = index
        self._known: tuple[int, VideoFacts] | None = None

    def find(self, session: Session, filters: Filters) -> Scope:
        """The segments that pass. Raises UnknownLabel, and KinodexError when nothing is tagged."""
        tagged = None
        if filters.tags:
            tagged = find_tagged(session, TagFilter(filters.tags, filters.min_probability))
        ids = None if tagged is None else np.sort(tagged.ids)
        if filters.on_videos:
            videos = self._facts(session).passing(filters)
            passing = self._index.columns.of_videos(videos)
            ids = passing if ids is None else np.intersect1d(ids, passing, assume_unique=True)
        return Scope(ids, tagged)

    def _facts(self, session: Session) -> VideoFacts:
        known = self._known  # several threads may ask
        if known is None or known[0] != self._index.revision:
            known = self._known = (self._index.revision, VideoFacts.read(session))
        return known[1]
