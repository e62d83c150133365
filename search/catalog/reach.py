"""Files that could not be read when somebody looked: hidden until they can be.

That a file cannot be read says nothing about what it holds. It keeps its video; searches leave it
out while it is so, and no longer.
"""

import os
import stat
from collections.abc import Collection, Sequence
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from search.catalog.places import in_chunks
from search.catalog.spaces import bump_revision
from search.catalog.tables import Status, VideoPath, now

READ = "read"  # the stage of a failure that is the disk's and not the file's: tried again by itself


def opens(path: Path) -> bool:
    """Whether a regular file can be opened now, and its first byte read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError):  # ValueError: no file can have this name
        return False
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return is_file and os.read(descriptor, 1) is not None
    except OSError:
        return False
    finally:
        os.close(descriptor)


def note_closed(session: Session, path_ids: Sequence[int]) -> None:
    """These files cannot be opened now."""
    for chunk in in_chunks(path_ids):
        session.execute(update(VideoPath).where(VideoPath.id.in_(chunk)).values(closed_since=now()))
    if path_ids:
        bump_revision(session)


def closed_paths(session: Session) -> dict[int, Path]:
    """The paths that were out of reach when somebody last looked, by id."""
    closed = session.execute(
        select(VideoPath.id, VideoPath.path).where(
            VideoPath.closed_since.is_not(None), VideoPath.missing_since.is_(None)
        )
    )
    return {path_id: path for path_id, path in closed}  # noqa: C416


def note_open(session: Session, path_ids: Collection[int]) -> None:
    """These files can be opened again: what was known of them holds, unless they have changed."""
    for chunk in in_chunks(list(path_ids)):
        for row in session.scalars(select(VideoPath).where(VideoPath.id.in_(chunk))):
            row.closed_since = None
            if row.status == Status.FAILED and row.stage == READ and row.video_id is not None:
                row.status = Status.INDEXED if _is_unchanged(row) else Status.WAITING
                row.stage = row.reason = None
                row.attempts = 0
    if path_ids:
        bump_revision(session)


def _is_unchanged(row: VideoPath) -> bool:
    try:
        status = row.path.stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (row.size_bytes, row.mtime_ns)
