"""What was encoded and is held by no file any more: kept for a time, purged when somebody says so.

Nothing else deletes a video. What people said of it is kept by its content, and never purged.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from search.catalog.places import in_chunks
from search.catalog.spaces import bump_revision
from search.catalog.tables import Segment, Video, VideoPath, now


@dataclass(frozen=True)
class Unheld:
    """Videos that no file holds: how many, and how long they run together."""

    videos: int
    seconds: float


def note_holders(session: Session, video_ids: Iterable[int | None]) -> None:
    """Note of these videos whether a path still holds them; missing files hold theirs too."""
    held = exists().where(VideoPath.video_id == Video.id)
    for chunk in in_chunks([one for one in video_ids if one is not None]):
        among = update(Video).where(Video.id.in_(chunk))
        session.execute(among.where(held).values(orphaned_since=None))
        session.execute(
            among.where(~held, Video.orphaned_since.is_(None)).values(orphaned_since=now())
        )


def note_unheld(session: Session) -> None:
    """Note of every video that no path holds it, where that was not noted: a run was killed."""
    held = exists().where(VideoPath.video_id == Video.id)
    session.execute(
        update(Video).where(Video.orphaned_since.is_(None), ~held).values(orphaned_since=now())
    )


def count_unheld(session: Session, *, days: float = 0.0) -> Unheld:
    """The videos that have been held by no file for this time, in days."""
    videos, seconds = session.execute(
        select(func.count(Video.id), func.coalesce(func.sum(Video.duration_s), 0.0)).where(
            Video.orphaned_since <= now() - timedelta(days=days)
        )
    ).one()
    return Unheld(videos, seconds)


def purge_unheld(session: Session, *, days: float) -> tuple[Unheld, list[int]]:
    """Delete the videos that have been held by no file for this time, with all that is theirs.

    → what was deleted, and the ids of its segments
    """
    due = Video.orphaned_since <= now() - timedelta(days=days)
    unheld = count_unheld(session, days=days)
    segments = session.scalars(select(Segment.id).join(Video).where(due)).all()
    session.execute(delete(Video).where(due))
    if unheld.videos:
        bump_revision(session)
    return unheld, list(segments)
