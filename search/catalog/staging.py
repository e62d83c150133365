"""Encoding a library anew beside what answers meanwhile, and putting the new in its place at once.

A video that searches find now keeps its segments while new ones are made for another space. Those
hang on a twin of the video that no path holds, so that nothing finds them, until all are there.
"""

from sqlalchemy import and_, delete, exists, func, literal, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased
from sqlalchemy.sql.elements import ColumnElement

from search.catalog.spaces import activate, bump_revision
from search.catalog.tables import Segment, SegmentEmbedding, SegmentSketch, Space, Video, VideoPath

_MARK = "+"  # no digest begins with it

# What a twin does not hand on: its own place in the table, and what is true of the video alone.
_OWN = {"id", "content_hash", "orphaned_since"}


def staged_name(content_hash: str) -> str:
    """What the twin of the video with this content has for a content."""
    return _MARK + content_hash


def encoded_in(space: Space) -> ColumnElement[bool]:
    """A condition on rows of Video: it has its embeddings in a space."""
    return _has_embeddings(Video.id, space)


def staged(space: Space) -> ColumnElement[bool]:
    """A condition on rows of Video: its twin has its embeddings in a space."""
    twin = aliased(Video)
    return exists().where(
        twin.content_hash == literal(_MARK) + Video.content_hash, _has_embeddings(twin.id, space)
    )


def answers_elsewhere(session: Session, video_id: int, space: Space) -> bool:
    """Whether searches use the segments of a video in another space than this one."""
    active = session.scalar(select(Space).where(Space.active))
    if active is None or active.id == space.id:
        return False
    found = select(Video.id).where(Video.id == video_id, encoded_in(active))
    return session.scalar(found) is not None


def answers(session: Session) -> bool:
    """Whether there is any video that searches could find."""
    active = session.scalar(select(Space).where(Space.active))
    if active is None:
        return False
    return bool(session.scalar(select(exists(Video.id).where(encoded_in(active)))))


def count_behind(session: Session, space: Space) -> int:
    """How many videos would be lost to searches that use this space from now on.

    Those that only cannot be read now count as well: they are found when they can be.
    """
    active = session.scalar(select(Space).where(Space.active))
    if active is None or active.id == space.id:
        return 0
    known = exists().where(VideoPath.video_id == Video.id, VideoPath.missing_since.is_(None))
    lacking = and_(known, encoded_in(active), ~encoded_in(space), ~staged(space))
    return session.scalar(select(func.count(Video.id)).where(lacking)) or 0


def take_over(session: Session, space: Space) -> None:
    """Let searches use this space, and what was staged for it: all in the caller's transaction."""
    twin, video = aliased(Video), aliased(Video)
    pairs = session.execute(
        select(twin, video)
        .join(video, twin.content_hash == literal(_MARK) + video.content_hash)
        .where(_has_embeddings(twin.id, space))
    ).all()
    for new, old in pairs:
        _keep_sketches(session, old.id, new.id)
        session.execute(delete(Segment).where(Segment.video_id == old.id))
        session.execute(update(Segment).where(Segment.video_id == new.id).values(video_id=old.id))
        for column in set(Video.__table__.columns.keys()) - _OWN:
            setattr(old, column, getattr(new, column))
        session.execute(delete(Video).where(Video.id == new.id))
    activate(session, space)
    bump_revision(session)


def _keep_sketches(session: Session, old_video: int, new_video: int) -> None:
    """A sketch is of a keyframe, not of a space: it goes to the new segment with the same one."""
    old, new = aliased(Segment), aliased(Segment)
    same = session.execute(
        select(old.id, new.id)
        .join(new, (new.start_s == old.start_s) & (new.keyframe_s == old.keyframe_s))
        .join(SegmentSketch, SegmentSketch.segment_id == old.id)
        .where(old.video_id == old_video, new.video_id == new_video, new.end_s == old.end_s)
    ).all()
    for before, after in same:
        session.execute(
            update(SegmentSketch).where(SegmentSketch.segment_id == before).values(segment_id=after)
        )


def _has_embeddings(video_id: InstrumentedAttribute[int], space: Space) -> ColumnElement[bool]:
    return (
        exists()
        .where(Segment.video_id == video_id)
        .where(SegmentEmbedding.segment_id == Segment.id)
        .where(SegmentEmbedding.space_id == space.id)
    )
