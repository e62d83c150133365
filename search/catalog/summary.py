"""What a library holds, counted, and what it could not take in."""

import contextlib
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from search.catalog.files import count_files
from search.catalog.keeping import count_unheld
from search.catalog.spaces import active_space, choice_of, head_of
from search.catalog.store import Store
from search.catalog.tables import Segment, SegmentSketch, Status, Video, VideoPath
from search.catalog.tag_tables import SegmentTag, Vocabulary


@dataclass(frozen=True)
class Summary:
    """A library in numbers. `indexed` to `missing` count files; a file is one of them only.

    tagged: segments with a tag or more, by the model
    sketched: segments with a sketch
    kept: videos beside these that no file holds any more
    """

    folder: Path
    model: str | None
    head: str | None
    videos: int
    hours: float
    segments: int
    vocabulary: str | None
    tagged: int
    sketched: int
    indexed: int
    waiting: int
    failed: int
    missing: int
    kept: int
    size_bytes: int

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "folder": str(self.folder)}


@dataclass(frozen=True)
class FailedFile:
    """A file that could not be indexed."""

    path: Path
    stage: str
    reason: str
    attempts: int
    tried_at: datetime

    def as_json(self) -> dict[str, Any]:
        """Plain values; the time in UTC."""
        return {
            **asdict(self),
            "path": str(self.path),
            "tried_at": self.tried_at.isoformat(timespec="seconds") + "Z",
        }


def summarise(library: Store) -> Summary:
    """Count everything."""
    with library.reading() as session:
        space = active_space(session)
        videos, seconds = session.execute(
            select(func.count(Video.id), func.coalesce(func.sum(Video.duration_s), 0.0)).where(
                Video.orphaned_since.is_(None)
            )
        ).one()
        ours = select(Segment.id).join(Video).where(Video.orphaned_since.is_(None))
        return Summary(
            folder=library.folder,
            model=f"{choice_of(space)}{' in int8' if space.int8 else ''}" if space else None,
            head=str(head_of(space)) if space else None,
            videos=videos,
            hours=seconds / 3600,
            segments=session.scalar(select(func.count()).select_from(ours.subquery())) or 0,
            vocabulary=session.scalar(select(Vocabulary.name).where(Vocabulary.active)),
            tagged=session.scalar(
                select(func.count(SegmentTag.segment_id.distinct())).where(
                    SegmentTag.kept, SegmentTag.segment_id.in_(ours)
                )
            )
            or 0,
            sketched=session.scalar(
                select(func.count(SegmentSketch.segment_id)).where(
                    SegmentSketch.segment_id.in_(ours)
                )
            )
            or 0,
            kept=count_unheld(session).videos,
            **{kind.value: count for kind, count in count_files(session).items()},
            size_bytes=_size_bytes(library.folder),
        )


def failures(library: Store) -> list[FailedFile]:
    """The present files that failed, by path."""
    with library.reading() as session:
        rows = session.scalars(
            select(VideoPath)
            .where(VideoPath.status == Status.FAILED, VideoPath.missing_since.is_(None))
            .order_by(VideoPath.path)
        )
        return [
            FailedFile(
                row.path,
                row.stage or "",
                row.reason or "",
                row.attempts,
                row.tried_at or datetime.min,
            )
            for row in rows
        ]


def _size_bytes(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):  # it passes by what may not be looked into
        for name in names:
            with contextlib.suppress(OSError):  # it was deleted just now
                total += os.lstat(Path(place) / name).st_size
    return total
