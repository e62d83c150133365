"""Writing videos into the catalog: each function is one step inside a caller's transaction."""

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import LargeBinary, and_, delete, or_, select, type_coerce, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from search.catalog.embeddings import pack
from search.catalog.keeping import note_holders
from search.catalog.places import in_chunks
from search.catalog.spaces import bump_revision
from search.catalog.staging import answers_elsewhere, encoded_in, staged, staged_name
from search.catalog.tables import (
    Segment,
    SegmentEmbedding,
    SegmentFrames,
    Space,
    Status,
    Video,
    VideoPath,
    now,
)


class Stamp(NamedTuple):
    """What a file system says of a file: other values mean that it was written to."""

    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class NewSegment:
    """A segment as the indexer made it."""

    start_s: float
    end_s: float
    keyframe_s: float
    frame_times_s: np.ndarray  # (frames,)
    unique_index: np.ndarray  # (frames,): the row of `frame_embeddings` that stands for each
    frame_embeddings: np.ndarray  # (unique frames, dim), not normalised
    embedding: np.ndarray  # (dim,), unit length
    action_embedding: np.ndarray | None = None  # (dim,), unit length, where segments are tagged


@dataclass(frozen=True)
class NewVideo:
    """A video as the indexer made it, whole."""

    content_hash: str
    size_bytes: int
    container: str
    codec: str
    duration_s: float
    width: int
    height: int
    rotation: int
    average_rate: float | None
    start_offset_s: float
    recorded_at: datetime | None
    frames_sampled: int
    bad_frames: int
    segments: tuple[NewSegment, ...]


def find_indexed(session: Session, content_hash: str, space: Space) -> int | None:
    """The id of the video with this content if it has its embeddings in `space`, staged or not."""
    return session.scalar(
        select(Video.id).where(
            Video.content_hash == content_hash, or_(encoded_in(space), staged(space))
        )
    )


def find_content(session: Session, content_hash: str) -> int | None:
    """The id of the video with this content, in whatever space it is encoded."""
    return session.scalar(select(Video.id).where(Video.content_hash == content_hash))


def is_encoded(session: Session, video_id: int, space: Space) -> bool:
    """Whether a video has its embeddings in `space`, staged or not."""
    encoded = or_(encoded_in(space), staged(space))
    return session.scalar(select(Video.id).where(Video.id == video_id, encoded)) is not None


def store_video(session: Session, video: NewVideo, space: Space) -> tuple[int, list[int]]:
    """Write a video with all its segments; → its id and theirs, in order.

    Segments that an earlier indexing made are replaced; those that searches use at present are
    left beside the new ones until another space takes over, see `search.catalog.staging`.
    """
    known = find_content(session, video.content_hash)
    is_staged = known is not None and answers_elsewhere(session, known, space)
    name = staged_name(video.content_hash) if is_staged else video.content_hash
    row = session.scalar(select(Video).where(Video.content_hash == name))
    if row is None:
        row = Video(orphaned_since=now())  # until a path holds it
        session.add(row)
    else:
        session.execute(delete(Segment).where(Segment.video_id == row.id))
    for column in Video.__table__.columns.keys() & video.__dataclass_fields__.keys():
        setattr(row, column, getattr(video, column))
    row.content_hash, row.indexed_at = name, now()
    session.flush()
    segments = [
        _segment_row(row.id, position, segment, space)
        for position, segment in enumerate(video.segments)
    ]
    session.add_all(segments)
    session.flush()
    bump_revision(session)
    return known if is_staged and known else row.id, [segment.id for segment in segments]


def link_path(session: Session, path_id: int, video_id: int, *, stamp: Stamp | None = None) -> None:
    """A path holds this video: done, whatever it was before.

    stamp: what the file system said of the file that was read; None keeps what is noted
    """
    hold(session, path_id, video_id, stamp=stamp)
    done = {"stage": None, "reason": None, "attempts": 0, "missing_since": None}
    _note_try(session, path_id, status=Status.INDEXED, closed_since=None, **done)


def hold(
    session: Session, path_id: int, video_id: int | None, *, stamp: Stamp | None = None
) -> None:
    """The content of a path is known: this video, or None for what is no video that we have."""
    before = session.scalar(select(VideoPath.video_id).where(VideoPath.id == path_id))
    known = stamp._asdict() if stamp else {}
    session.execute(
        update(VideoPath).where(VideoPath.id == path_id).values(video_id=video_id, **known)
    )
    note_holders(session, {before, video_id} - {None})


def record_failure(session: Session, path_id: int, *, stage: str, reason: str) -> None:
    """A path could not be indexed: where it went wrong and why, in the user's words.

    That says nothing about what it holds: it keeps its video.
    """
    failed = {"stage": stage, "reason": reason, "attempts": VideoPath.attempts + 1}
    _note_try(session, path_id, status=Status.FAILED, **failed)


def _note_try(session: Session, path_id: int, **values: Any) -> None:
    session.execute(
        update(VideoPath).where(VideoPath.id == path_id).values(tried_at=now(), **values)
    )
    bump_revision(session)


def under(folder: Path) -> ColumnElement[bool]:
    """A condition: the path is `folder` itself or lies below it."""
    # Bytes compare in order, and "0" is the byte after "/": a range that the index can use.
    column = type_coerce(VideoPath.path, LargeBinary)
    name = os.fsencode(folder)
    below = name.rstrip(b"/") + b"/"
    return or_(column == name, and_(column > below, column < below[:-1] + b"0"))


def mark_missing(
    session: Session, root: Path, seen: Iterable[Path], *, closed: Collection[Path] = ()
) -> int:
    """Hide the paths below `root` that are not there any more; → how many are newly hidden.

    seen: those that are there, or may be
    closed: folders that could not be looked into: what lies below them stays as it is
    """
    known = session.execute(
        select(VideoPath.id, VideoPath.path).where(under(root), VideoPath.missing_since.is_(None))
    )
    present = set(seen)
    gone = [
        path_id
        for path_id, path in known
        if path not in present and not any(path.is_relative_to(folder) for folder in closed)
    ]
    for chunk in in_chunks(gone):
        session.execute(
            update(VideoPath).where(VideoPath.id.in_(chunk)).values(missing_since=now())
        )
    if gone:
        bump_revision(session)
    return len(gone)


def remove_paths(session: Session, folder: Path) -> int:
    """Forget a file or a folder's files (not the files themselves); → how many."""
    removed = session.scalars(
        delete(VideoPath).where(under(folder)).returning(VideoPath.video_id)
    ).all()
    note_holders(session, set(removed) - {None})
    if removed:
        bump_revision(session)
    return len(removed)


def _segment_row(video_id: int, position: int, segment: NewSegment, space: Space) -> Segment:
    return Segment(
        video_id=video_id,
        position=position,
        start_s=segment.start_s,
        end_s=segment.end_s,
        keyframe_s=segment.keyframe_s,
        frames=SegmentFrames(
            times_s=segment.frame_times_s.astype("<f8").tobytes(),
            unique_index=segment.unique_index.astype("<u2").tobytes(),
            embeddings=pack(segment.frame_embeddings),
        ),
        embeddings=[SegmentEmbedding(space_id=space.id, embedding=pack(segment.embedding))],
    )
