"""The files that a library knows, counted and listed page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from search.catalog.places import in_place
from search.catalog.tables import Segment, Status, Video, VideoPath


class Shown(StrEnum):
    """The kinds of files. Each file is of one kind."""

    INDEXED = "indexed"
    WAITING = "waiting"
    FAILED = "failed"
    MISSING = "missing"


@dataclass(frozen=True)
class ListedFile:
    """A file as it is listed. What is only known of some kinds of files is None for others.

    first_segment, segments, duration_s: of indexed files
    reason, attempts: of failed files, in the user's words and how often it was tried
    """

    path: Path
    size_bytes: int
    tried_at: datetime | None
    missing_since: datetime | None
    closed_since: datetime | None
    reason: str | None
    attempts: int
    duration_s: float | None
    bad_frames: int
    segments: int
    first_segment: int | None


def count_files(session: Session) -> dict[Shown, int]:
    """How many files there are of each kind."""
    return {
        kind: session.scalar(select(func.count(VideoPath.id)).where(_is(kind))) or 0
        for kind in Shown
    }


def list_files(session: Session, kind: Shown, *, start: int, count: int) -> list[ListedFile]:
    """Some of the files of a kind, by path."""
    paths = (
        select(VideoPath, Video)
        .outerjoin(Video, Video.id == VideoPath.video_id)
        .where(_is(kind))
        .order_by(VideoPath.path)
        .limit(count)
        .offset(start)
    )
    rows = session.execute(paths).all()
    segments = _segments(session, [row.video_id for row, _ in rows if row.video_id is not None])
    return [_listed(row, video, *segments.get(row.video_id, (0, None))) for row, video in rows]


def _is(kind: Shown) -> ColumnElement[bool]:
    failed = and_(VideoPath.missing_since.is_(None), VideoPath.status == Status.FAILED)
    if kind is Shown.FAILED:
        return failed
    if kind is Shown.MISSING:
        return and_(~in_place(), ~failed)
    return and_(in_place(), VideoPath.status == Status(kind.value))


def _segments(session: Session, videos: Sequence[int]) -> dict[int | None, tuple[int, int | None]]:
    """How many segments each video has, and the first of them."""
    rows = session.execute(
        select(Segment.video_id, func.count(Segment.id), func.min(Segment.id))
        .where(Segment.video_id.in_(videos))
        .group_by(Segment.video_id)
    )
    return {video: (count, first) for video, count, first in rows}


def _listed(row: VideoPath, video: Video | None, count: int, first: int | None) -> ListedFile:
    return ListedFile(
        path=row.path,
        size_bytes=row.size_bytes,
        tried_at=row.tried_at,
        missing_since=row.missing_since,
        closed_since=row.closed_since,
        reason=row.reason,
        attempts=row.attempts,
        duration_s=video.duration_s if video else None,
        bad_frames=video.bad_frames if video else 0,
        segments=count,
        first_segment=first,
    )
