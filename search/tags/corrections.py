"""What a person says about a segment's labels, kept by content and time.

A word outlives everything that is made again: tags, segments, vocabularies, models. It applies to
every segment of the same content that shares at least half of the shorter of the two spans.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

from sqlalchemy import Select, and_, delete, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from search.catalog.places import SegmentPlace, in_chunks, place_segments, present_videos
from search.catalog.segment_reference import NoSuchSegment
from search.catalog.tables import Segment, Video
from search.catalog.tag_tables import Correction


@dataclass(frozen=True)
class CorrectedSegment:
    """A span of a video of which a person has said what holds in it, and what does not."""

    content_hash: str
    path: Path | None  # where the content lies now; None when it is missing
    start_s: float
    end_s: float
    labels: tuple[str, ...]
    denied: tuple[str, ...]


@dataclass(frozen=True)
class KeptWord:
    """A person's word on a label. `path` and `segment` are None while the video is away."""

    number: int
    label: str
    holds: bool
    start_s: float
    end_s: float
    said_at: datetime
    path: Path | None
    segment: int | None


def say(session: Session, segment_id: int, label: str, *, holds: bool) -> None:
    """Keep that a label holds in a segment, or that it does not. The last word counts.

    label: as `search.tags.vocabulary.clean_label` gives it

    Raises NoSuchSegment.
    """
    content_hash, start_s, end_s = _span(session, segment_id)
    session.execute(
        delete(Correction).where(
            Correction.content_hash == content_hash,
            Correction.start_s == start_s,
            Correction.end_s == end_s,
            Correction.label == label,
        )
    )
    session.add(
        Correction(
            content_hash=content_hash, start_s=start_s, end_s=end_s, label=label, holds=holds
        )
    )
    session.flush()


def forget(session: Session, segment_id: int, label: str | None = None) -> int:
    """Take back what was said of a segment, of all labels or one; → how many words that were.

    Raises NoSuchSegment.
    """
    _span(session, segment_id)
    applying = (
        select(Correction.id)
        .join(Video, Video.content_hash == Correction.content_hash)
        .join(Segment, Segment.video_id == Video.id)
        .where(Segment.id == segment_id, applies())
    )
    if label is not None:
        applying = applying.where(Correction.label == label)
    gone = session.execute(
        delete(Correction).where(Correction.id.in_(applying)).returning(Correction.id)
    )
    return len(gone.all())


def words_on(session: Session, segment_ids: Sequence[int]) -> dict[int, dict[str, bool]]:
    """For each segment that a person spoke of: the labels, and whether they hold."""
    chosen = [Segment.id.in_(chunk) for chunk in in_chunks(segment_ids)]
    return {one: said for ids in chosen for one, said in all_words(session, ids).items()}


def all_words(session: Session, *only: ColumnElement[bool]) -> dict[int, dict[str, bool]]:
    """`words_on` for every segment of the library, or for those that fulfil a condition."""
    found: dict[int, dict[str, bool]] = {}
    for segment_id, label, holds in session.execute(_words().where(*only)):
        found.setdefault(segment_id, {})[label] = holds
    return found


def segments_said(session: Session, label: str) -> dict[int, bool]:
    """The segments of which a person has said that one label holds, or that it does not."""
    rows = session.execute(_words().where(Correction.label == label))
    return {segment_id: holds for segment_id, _, holds in rows}


def corrected_segments(session: Session) -> Iterator[CorrectedSegment]:
    """Every span that a person spoke of, by content and time: what training can learn from."""
    rows = session.scalars(
        select(Correction).order_by(Correction.content_hash, Correction.start_s, Correction.end_s)
    )
    paths = _present_paths(session)
    for key, group in groupby(rows, lambda row: (row.content_hash, row.start_s, row.end_s)):
        words = sorted((row.label, row.holds) for row in group)
        yield CorrectedSegment(
            content_hash=key[0],
            path=paths.get(key[0]),
            start_s=key[1],
            end_s=key[2],
            labels=tuple(label for label, holds in words if holds),
            denied=tuple(label for label, holds in words if not holds),
        )


def count_words(session: Session) -> int:
    """How many words of people are kept."""
    return session.scalar(select(func.count(Correction.id))) or 0


def list_words(session: Session, *, start: int, count: int) -> list[KeptWord]:
    """Some of what people have said, the newest first."""
    rows = session.scalars(
        select(Correction)
        .order_by(Correction.said_at.desc(), Correction.id.desc())
        .limit(count)
        .offset(start)
    ).all()
    first = _first_segments(session, [row.id for row in rows])
    places = {one.segment_id: one for one in place_segments(session, list(first.values()))}
    return [_kept_word(row, places.get(first.get(row.id, 0))) for row in rows]


def take_back(session: Session, number: int) -> None:
    """Delete a word, by its number."""
    session.execute(delete(Correction).where(Correction.id == number))


def applies() -> ColumnElement[bool]:
    """A condition on rows of Segment and Correction of one content: the word is about the segment.

    The middle of the shorter span lies in the longer one: so they share half of the shorter.
    """
    segment_length = Segment.end_s - Segment.start_s
    length = Correction.end_s - Correction.start_s
    segment_middle = (Segment.start_s + Segment.end_s) / 2
    middle = (Correction.start_s + Correction.end_s) / 2
    return or_(
        and_(
            segment_length <= length, segment_middle.between(Correction.start_s, Correction.end_s)
        ),
        and_(length <= segment_length, middle.between(Segment.start_s, Segment.end_s)),
    )


def _words() -> "Select[int, str, bool]":
    """Segment, label, whether it holds; of several words on one label the last comes last."""
    return (
        select(Segment.id, Correction.label, Correction.holds)
        .join(Video, Video.id == Segment.video_id)
        .join(Correction, Correction.content_hash == Video.content_hash)
        .where(applies())
        .order_by(Correction.said_at, Correction.id)
    )


def _span(session: Session, segment_id: int) -> tuple[str, float, float]:
    row = session.execute(
        select(Video.content_hash, Segment.start_s, Segment.end_s)
        .join(Video, Video.id == Segment.video_id)
        .where(Segment.id == segment_id)
    ).one_or_none()
    if row is None:
        raise NoSuchSegment(
            f"there is no segment {segment_id} in this library: 'kinodex search --json' prints "
            "their numbers"
        )
    return row.content_hash, row.start_s, row.end_s


def _first_segments(session: Session, words: Sequence[int]) -> dict[int, int]:
    """For each word the first segment that it is about; a word may be about none."""
    rows = session.execute(
        select(Correction.id, func.min(Segment.id))
        .join(Video, Video.content_hash == Correction.content_hash)
        .join(Segment, Segment.video_id == Video.id)
        .where(Correction.id.in_(words), applies())
        .group_by(Correction.id)
    )
    return {word: segment for word, segment in rows}  # noqa: C416


def _kept_word(row: Correction, place: SegmentPlace | None) -> KeptWord:
    return KeptWord(
        row.id,
        row.label,
        row.holds,
        row.start_s,
        row.end_s,
        row.said_at,
        place.path if place else None,
        place.segment_id if place else None,
    )


def _present_paths(session: Session) -> dict[str, Path]:
    """Where each content that a person spoke of lies now; what is missing is left out."""
    spoken_of = Video.content_hash.in_(select(Correction.content_hash))
    videos = present_videos(session, session.scalars(select(Video.id).where(spoken_of)))
    return {video.content_hash: video.paths[0] for video in videos.values()}
