"""From files found on disk to rows that say what there is to do."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from indexer.discover import Discovery, FoundFile
from search.catalog.spaces import bump_revision
from search.catalog.tables import Space, Status, VideoPath
from search.catalog.writing import is_encoded, mark_missing, record_failure


@dataclass(frozen=True)
class PathToIndex:
    """A file to index."""

    path_id: int
    path: Path
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class Scan:
    """What a scan of the given paths found, against what the catalog knew."""

    jobs: tuple[PathToIndex, ...]
    unchanged: int = 0
    failed_before: int = 0
    newly_failed: int = 0
    newly_missing: int = 0


def register(session: Session, discovery: Discovery, space: Space, *, retry_failed: bool) -> Scan:
    """Bring the path rows in line with what was found; → the files that need work.

    A file known under the same size and time is left alone; one that failed before stays
    failed unless `retry_failed`. Files that are gone from a folder that was seen are hidden.
    """
    jobs: list[PathToIndex] = []
    unchanged = failed_before = newly_failed = 0
    for found in discovery.files:
        row, changed = _row_of(session, found)
        if row.status == Status.FAILED and not changed and not retry_failed:
            failed_before += 1
        elif _is_done(session, row, space):
            unchanged += 1
        else:
            row.status = Status.WAITING
            jobs.append(PathToIndex(row.id, row.path, row.size_bytes, row.mtime_ns))
    for refused in discovery.refused:
        row, changed = _row_of(session, refused.found)
        if row.status == Status.FAILED and not changed and not retry_failed:
            failed_before += 1
        else:
            record_failure(session, row.id, stage="discover", reason=refused.reason)
            newly_failed += 1
    return Scan(
        jobs=tuple(jobs),
        unchanged=unchanged,
        failed_before=failed_before,
        newly_failed=newly_failed,
        newly_missing=_hide_missing(session, discovery),
    )


def known_files(session: Session, *, failed: bool) -> list[Path]:
    """The present files that the catalog knows, or only those that failed, by path."""
    query = select(VideoPath.path).where(VideoPath.missing_since.is_(None))
    if failed:
        query = query.where(VideoPath.status == Status.FAILED)
    return list(session.scalars(query.order_by(VideoPath.path)))


def _row_of(session: Session, found: FoundFile) -> tuple[VideoPath, bool]:
    """The row of a file, made or brought up to date; and whether the file is new or changed."""
    row = session.scalar(select(VideoPath).where(VideoPath.path == found.path))
    if row is None:
        row = VideoPath(path=found.path, size_bytes=found.size_bytes, mtime_ns=found.mtime_ns)
        session.add(row)
        session.flush()
        return row, True
    changed = (row.size_bytes, row.mtime_ns) != (found.size_bytes, found.mtime_ns)
    if changed:
        row.size_bytes, row.mtime_ns = found.size_bytes, found.mtime_ns
        # What it held is not there any more: its moments must not be found at wrong times.
        row.video_id, row.status, row.attempts = None, Status.WAITING, 0
    if changed or row.missing_since is not None:
        row.missing_since = None
        bump_revision(session)
    return row, changed


def _is_done(session: Session, row: VideoPath, space: Space) -> bool:
    return (
        row.status == Status.INDEXED
        and row.video_id is not None
        and is_encoded(session, row.video_id, space)
    )


def _hide_missing(session: Session, discovery: Discovery) -> int:
    seen = {found.path for found in discovery.files}
    seen.update(refused.found.path for refused in discovery.refused)
    seen.update(discovery.left)
    return sum(
        mark_missing(session, root.path, seen, closed=discovery.unreadable)
        for root in discovery.roots
        if root.was_seen
    )
