"""Where videos and segments lie now: the one answer for all that show, cut, list or count them."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Select, and_, exists, func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from search.catalog.tables import Segment, SegmentEmbedding, Video, VideoPath

_VALUES_AT_ONCE = 10_000  # SQLite takes 32,766

Value = TypeVar("Value")


@dataclass(frozen=True)
class PresentVideo:
    """A video that lies somewhere now, at one path or more."""

    content_hash: str
    duration_s: float
    paths: tuple[Path, ...]  # in order, but those that lie there now come first; never empty


@dataclass(frozen=True)
class SegmentPlace:
    """A segment, and the video in which it can be seen now. Times in seconds."""

    segment_id: int
    start_s: float
    end_s: float
    keyframe_s: float
    video: PresentVideo

    @property
    def path(self) -> Path:
        """The first of its video's paths: one that exists, if any does."""
        return self.video.paths[0]


def present_videos(session: Session, video_ids: Iterable[int]) -> dict[int, PresentVideo]:
    """Those of the videos that lie somewhere now, by id."""
    found: dict[int, PresentVideo] = {}
    for chunk in in_chunks(list(video_ids)):
        rows = session.execute(
            select(Video.id, Video.content_hash, Video.duration_s, VideoPath.path)
            .join(VideoPath, VideoPath.video_id == Video.id)
            .where(Video.id.in_(chunk), in_place())
            .order_by(Video.id, VideoPath.path)
        )
        for video, content_hash, duration_s, path in rows:
            earlier = found[video].paths if video in found else ()
            found[video] = PresentVideo(content_hash, duration_s, (*earlier, path))
    return {
        video: replace(place, paths=existing_first(place.paths)) for video, place in found.items()
    }


def existing_first(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The paths, those where a file lies now before the others.

    A disk that was mounted elsewhere leaves paths behind of which nobody knows whether they return.
    A single path has nothing to give way to, and is not looked at.
    """
    if len(paths) < 2:
        return tuple(paths)
    return tuple(sorted(paths, key=lambda path: not lies_there(path)))


def lies_there(path: Path) -> bool:
    """Whether a file is there now; one in a closed folder or on a dead mount is not."""
    return os.path.exists(path)  # noqa: PTH110 (Path.exists raises for them)


def place_segments(session: Session, segment_ids: Sequence[int]) -> list[SegmentPlace]:
    """Where these segments can be seen, in the order given; those that are gone are left out."""
    found: dict[int, SegmentPlace] = {}
    for chunk in in_chunks(segment_ids):
        rows = session.scalars(select(Segment).where(Segment.id.in_(chunk))).all()
        videos = present_videos(session, {row.video_id for row in rows})
        for row in rows:
            if row.video_id in videos:
                found[row.id] = SegmentPlace(
                    row.id, row.start_s, row.end_s, row.keyframe_s, videos[row.video_id]
                )
    return [found[segment_id] for segment_id in segment_ids if segment_id in found]


def count_videos(session: Session) -> int:
    """How many videos lie somewhere now."""
    return session.scalar(select(func.count(VideoPath.video_id.distinct())).where(in_place())) or 0


def in_place() -> ColumnElement[bool]:
    """A condition on rows of VideoPath: the file was there and within reach when last looked at."""
    return and_(VideoPath.missing_since.is_(None), VideoPath.closed_since.is_(None))


def is_present() -> ColumnElement[bool]:
    """A condition on rows of Segment: a file with this video's content is in its place."""
    return exists().where(VideoPath.video_id == Segment.video_id, in_place())


def is_searchable(space_id: int) -> ColumnElement[bool]:
    """A condition that joins the segments of present videos with their embeddings in a space."""
    return and_(
        SegmentEmbedding.space_id == space_id,
        SegmentEmbedding.segment_id == Segment.id,
        is_present(),
    )


def absent_segments() -> "Select[int]":
    """A query for the segments of videos that lie nowhere now.

    It looks at every video once; `~is_present()` looks at every segment.
    """
    present = select(VideoPath.video_id).where(in_place(), VideoPath.video_id.is_not(None))
    return select(Segment.id).where(Segment.video_id.not_in(present))


def in_chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """The values in their order, never more at once than one statement of SQLite takes."""
    for start in range(0, len(values), _VALUES_AT_ONCE):
        yield values[start : start + _VALUES_AT_ONCE]
