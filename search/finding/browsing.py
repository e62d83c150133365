"""The segments of a library in an order to look through, a page at a time."""

from dataclasses import dataclass

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from search.catalog.places import (
    SegmentPlace,
    absent_segments,
    in_chunks,
    in_place,
    is_searchable,
    place_segments,
)
from search.catalog.spaces import active_space
from search.catalog.tables import Segment, SegmentEmbedding, VideoPath
from search.tags.reading import TagFilter, find_tagged


@dataclass(frozen=True)
class Page:
    """Some of the segments, and how many there are in all."""

    places: list[SegmentPlace]
    count: int


def by_video(session: Session, *, start: int, count: int) -> Page:
    """Segments in order of their videos' paths, and of time in each."""
    rows = session.execute(
        select(VideoPath.video_id, func.min(VideoPath.path).label("path"))
        .where(in_place(), VideoPath.video_id.is_not(None))
        .group_by(VideoPath.video_id)
        .order_by("path")
    )
    order = np.array([row.video_id for row in rows], np.int64)
    counts = session.execute(select(Segment.video_id, func.count()).group_by(Segment.video_id))
    per_video: dict[int, int] = {video: number for video, number in counts}  # noqa: C416
    ends = np.cumsum([per_video.get(video, 0) for video in order.tolist()])
    total = int(ends[-1]) if len(ends) else 0
    first = int(np.searchsorted(ends, start, side="right"))
    last = int(np.searchsorted(ends, start + count, side="left"))
    before = int(ends[first - 1]) if first else 0
    ids: list[int] = []
    for video in order[first : last + 1].tolist():
        ids += session.scalars(
            select(Segment.id).where(Segment.video_id == video).order_by(Segment.position)
        )
    return Page(place_segments(session, ids[start - before : start - before + count]), total)


def by_tag(session: Session, label: str, *, start: int, count: int) -> Page:
    """Segments in which a label holds, surest first. Raises UnknownLabel."""
    tagged = find_tagged(session, TagFilter((label,)))
    absent = set(session.scalars(absent_segments()))
    ids = [one for one in tagged.ids.tolist() if one not in absent]
    return Page(place_segments(session, ids[start : start + count]), len(ids))


def embedded(session: Session, *, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Present segments with their embeddings: ids (n,), float16 (n, dim); spread evenly if `most`.

    Both are empty in a library without a model.
    """
    space = active_space(session)
    if space is None:
        return np.empty(0, np.int64), np.empty((0, 1), np.float16)
    query = select(Segment.id).where(is_searchable(space.id)).order_by(Segment.id)
    ids = np.array(session.scalars(query).all(), np.int64)
    ids = ids[np.linspace(0, len(ids) - 1, min(len(ids), most)).astype(np.int64)]
    blobs: list[bytes] = []
    for chunk in in_chunks(ids.tolist()):
        blobs += session.scalars(
            select(SegmentEmbedding.embedding)
            .where(SegmentEmbedding.space_id == space.id, SegmentEmbedding.segment_id.in_(chunk))
            .order_by(SegmentEmbedding.segment_id)
        )
    return ids, np.frombuffer(b"".join(blobs), "<f2").reshape(len(ids), space.dim)
