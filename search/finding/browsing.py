"""The segments of a library in an order to look through, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from search.catalog.spaces import active_space
from search.catalog.tables import Segment, SegmentEmbedding, VideoPath, is_present
from search.tags.reading import TagFilter, find_tagged

_IDS_PER_QUERY = 10_000  # SQLite takes 32,766


@dataclass(frozen=True)
class Tile:
    """A segment on the wall. Times in seconds."""

    segment: int
    path: Path
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Page:
    """Some of so many tiles."""

    tiles: list[Tile]
    count: int


def by_video(session: Session, *, start: int, count: int) -> Page:
    """Segments in order of their videos' paths, and of time in each."""
    rows = session.execute(
        select(VideoPath.video_id, func.min(VideoPath.path).label("path"))
        .where(VideoPath.missing_since.is_(None), VideoPath.video_id.is_not(None))
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
    return Page(tiles_of(session, ids[start - before : start - before + count]), total)


def by_tag(session: Session, label: str, *, start: int, count: int) -> Page:
    """Segments in which a label holds, surest first. Raises UnknownLabel."""
    tagged = find_tagged(session, TagFilter((label,)))
    present = set(_present(session, tagged.ids.tolist()))
    ids = [one for one in tagged.ids.tolist() if one in present]
    return Page(tiles_of(session, ids[start : start + count]), len(ids))


def tiles_of(session: Session, ids: Sequence[int]) -> list[Tile]:
    """The tiles of these segments, in their order; those that are gone or missing are left out."""
    found: dict[int, Tile] = {}
    for begin in range(0, len(ids), _IDS_PER_QUERY):
        rows = session.execute(
            select(Segment.id, func.min(VideoPath.path), Segment.start_s, Segment.end_s)
            .join(VideoPath, VideoPath.video_id == Segment.video_id)
            .where(
                Segment.id.in_(ids[begin : begin + _IDS_PER_QUERY]),
                VideoPath.missing_since.is_(None),
            )
            .group_by(Segment.id)
        )
        found |= {row[0]: Tile(*row) for row in rows}
    return [found[one] for one in ids if one in found]


def embedded(session: Session, *, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Present segments with their embeddings: ids (n,), float16 (n, dim); spread evenly if `most`.

    Both are empty in a library without a model.
    """
    space = active_space(session)
    if space is None:
        return np.empty(0, np.int64), np.empty((0, 1), np.float16)
    query = (
        select(Segment.id)
        .join(SegmentEmbedding, SegmentEmbedding.segment_id == Segment.id)
        .where(SegmentEmbedding.space_id == space.id, is_present())
        .order_by(Segment.id)
    )
    ids = np.array(session.scalars(query).all(), np.int64)
    if len(ids) > most:
        ids = ids[np.linspace(0, len(ids) - 1, most).astype(np.int64)]
    blobs: list[bytes] = []
    for begin in range(0, len(ids), _IDS_PER_QUERY):
        blobs += session.scalars(
            select(SegmentEmbedding.embedding)
            .where(
                SegmentEmbedding.space_id == space.id,
                SegmentEmbedding.segment_id.in_(ids[begin : begin + _IDS_PER_QUERY].tolist()),
            )
            .order_by(SegmentEmbedding.segment_id)
        )
    return ids, np.frombuffer(b"".join(blobs), "<f2").reshape(len(ids), space.dim)


def _present(session: Session, ids: Sequence[int]) -> list[int]:
    found: list[int] = []
    for begin in range(0, len(ids), _IDS_PER_QUERY):
        chunk = ids[begin : begin + _IDS_PER_QUERY]
        found += session.scalars(select(Segment.id).where(Segment.id.in_(chunk), is_present()))
    return found
