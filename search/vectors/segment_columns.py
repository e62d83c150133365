"""What filters and sequences need of all segments, kept in memory: 32 bytes a segment."""

from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from search.catalog.tables import Segment, SegmentEmbedding


@dataclass(frozen=True)
class SegmentColumns:
    """Segments in order of their ids: all arrays (n,)."""

    ids: np.ndarray
    videos: np.ndarray
    starts_s: np.ndarray
    ends_s: np.ndarray

    @classmethod
    def empty(cls) -> "SegmentColumns":
        """No segments yet."""
        none = np.empty(0, np.int64)
        return cls(none, none, np.empty(0), np.empty(0))

    def caught_up(self, session: Session, space_id: int) -> "SegmentColumns":
        """With the segments that came since; those that went stay until the library is opened anew.

        Ids are never used twice, so that what went is in no index any more.
        """
        last = int(self.ids[-1]) if len(self.ids) else -1
        rows = session.execute(
            select(Segment.id, Segment.video_id, Segment.start_s, Segment.end_s)
            .join(SegmentEmbedding, SegmentEmbedding.segment_id == Segment.id)
            .where(SegmentEmbedding.space_id == space_id, Segment.id > last)
            .order_by(Segment.id)
        ).all()
        if not rows:
            return self
        ids, videos, starts_s, ends_s = zip(*rows, strict=True)
        return SegmentColumns(
            np.append(self.ids, np.array(ids, np.int64)),
            np.append(self.videos, np.array(videos, np.int64)),
            np.append(self.starts_s, np.array(starts_s)),
            np.append(self.ends_s, np.array(ends_s)),
        )

    def places(self, ids: np.ndarray) -> np.ndarray:
        """Where the segments of these ids stand, (found,); unknown ones are left out."""
        if not len(self.ids):
            return np.empty(0, np.int64)
        places = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return places[self.ids[places] == ids]

    def of_videos(self, videos: np.ndarray) -> np.ndarray:
        """The ids of these videos' segments, in order."""
        if not len(self.ids):
            return self.ids
        wanted = np.zeros(int(self.videos.max()) + 1, bool)  # quicker than looking each one up
        wanted[videos[videos < len(wanted)]] = True
        return self.ids[wanted[self.videos]]
