"""From files found on disk to rows that say what there is to do."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from indexer.discover import Discovery, FoundFile, Refused
from indexer.reading.errors import READ
from search.catalog.reach import note_closed
from search.catalog.spaces import bump_revision
from search.catalog.tables import Space, Status, VideoPath
from search.catalog.writing import Stamp, hold, is_encoded, mark_missing, record_failure, under


@dataclass(frozen=True)
class PathToIndex:
    """A file to index."""

    path_id: int
    path: Path
    size_bytes: int
    mtime_ns: int

    @property
    def stamp(self) -> Stamp:
        """What the file system said of the file when it was found."""
        return Stamp(self.size_bytes, self.mtime_ns)


@dataclass(frozen=True)
class Scan:
    """What a scan of the given paths found, against what the catalog knew."""

    jobs: tuple[PathToIndex, ...]
    unchanged: int
    failed_before: int
    newly_failed: int
    newly_missing: int


def register(session: Session, discovery: Discovery, space: Space, *, retry_failed: bool) -> Scan:
    """Bring the path rows in line with what was found; → the files that need work.

    A file known under the same size and time is left alone; one that failed before stays
    failed unless `retry_failed` or it was the disk that failed. A file keeps its video until it is
    known to hold something else. Files that are gone from a folder that was seen are hidden.
    """
    jobs: list[PathToIndex] = []
    unchanged = failed_before = newly_failed = 0
    for found in discovery.files:
        row, changed = _row_of(session, found)
        if not changed and _is_encoded(session, row, space):
            _settle(row)
            unchanged += 1
        elif _failed_for_good(row) and not changed and not retry_failed:
            failed_before += 1
        else:
            _await(row)
            jobs.append(PathToIndex(row.id, row.path, found.size_bytes, found.mtime_ns))
    for refused in discovery.refused:
        is_new = _refuse(session, refused, retry_failed=retry_failed)
        newly_failed += is_new
        failed_before += not is_new
    newly_failed += sum(_note_shut(session, shut, discovery) for shut in discovery.shut)
    gone = _hide_gone(session, discovery)
    return Scan(tuple(jobs), unchanged, failed_before, newly_failed, newly_missing=gone)


def known_files(session: Session, *, failed: bool) -> list[Path]:
    """The present files that the catalog knows, or only those that failed, by path."""
    query = select(VideoPath.path).where(VideoPath.missing_since.is_(None))
    if failed:
        query = query.where(VideoPath.status == Status.FAILED)
    return list(session.scalars(query.order_by(VideoPath.path)))


def _row_of(session: Session, found: FoundFile) -> tuple[VideoPath, bool]:
    """The row of a file, made or seen again; and whether the file is new or changed.

    What the row says of its content stays until that was read: however this run ends, the next
    one sees the change again.
    """
    row = session.scalar(select(VideoPath).where(VideoPath.path == found.path))
    if row is None:
        row = VideoPath(path=found.path, size_bytes=found.size_bytes, mtime_ns=found.mtime_ns)
        session.add(row)
        session.flush()
        return row, True
    if row.missing_since is not None or row.closed_since is not None:
        row.missing_since = row.closed_since = None
        bump_revision(session)
    return row, (row.size_bytes, row.mtime_ns) != _stamp(found)


def _stamp(found: FoundFile) -> Stamp:
    return Stamp(found.size_bytes, found.mtime_ns)


def _is_encoded(session: Session, row: VideoPath, space: Space) -> bool:
    return row.video_id is not None and is_encoded(session, row.video_id, space)


def _await(row: VideoPath) -> None:
    """It waits to be read. What failed stays failed until it does not: a run that is cut off leaves
    it to the next retry."""
    if row.status != Status.FAILED:
        row.status = Status.WAITING


def _settle(row: VideoPath) -> None:
    """It holds what it held: whatever went wrong meanwhile is over."""
    if row.status != Status.INDEXED:
        row.status = Status.INDEXED
        row.stage = row.reason = None
        row.attempts = 0


def _failed_for_good(row: VideoPath) -> bool:
    """Nothing but a change of the file would make it better."""
    return row.status == Status.FAILED and row.stage != READ and row.video_id is None


def _refuse(session: Session, refused: Refused, *, retry_failed: bool) -> bool:
    """Note that a file is no video; whether that is news."""
    row, changed = _row_of(session, refused.found)
    if _failed_for_good(row) and not changed and not retry_failed:
        return False
    if changed:  # what it held is not there any more
        hold(session, row.id, None, stamp=_stamp(refused.found))
    record_failure(session, row.id, stage="discover", reason=refused.reason)
    return True


def _note_shut(session: Session, shut: Refused, discovery: Discovery) -> bool:
    """Note that a file cannot be read now, if it is known, or its name says it is a video."""
    path = shut.found.path
    known = session.scalar(select(VideoPath.id).where(VideoPath.path == path))
    if known is None and path in discovery.unreadable:
        return False
    row, _ = _row_of(session, shut.found)
    record_failure(session, row.id, stage=READ, reason=shut.reason)
    note_closed(session, [row.id])
    return True


def _hide_gone(session: Session, discovery: Discovery) -> int:
    """Hide the files that are gone; → how many newly are.

    A file is gone when a folder that was seen does not hold it. That a folder is absent, empty or
    closed, at whatever depth, says nothing about its files: they stay as they are.
    """
    seen = discovery.seen
    gone = 0
    for root in discovery.roots:
        known = session.scalars(
            select(VideoPath.path).where(under(root.path), VideoPath.missing_since.is_(None))
        )
        doubtful = {path for path in known if path.parent not in discovery.folders}
        gone += mark_missing(session, root.path, seen | doubtful, closed=discovery.unreadable)
    return gone
