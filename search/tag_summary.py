"""What a library's tags amount to: each label with its number of segments and some of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from search.catalog import Segment, VideoPath
from search.corrections import all_words
from search.presence import is_present
from search.tag_tables import Label, SegmentTag, Vocabulary
from search.tags import Source, Tag, active_vocabulary, nothing_tagged, put_right

_IDS_PER_QUERY = 10_000  # SQLite takes 32,766


@dataclass(frozen=True)
class TagExample:
    """A segment that a label holds in."""

    segment: int
    path: Path
    start_s: float
    end_s: float
    probability: float
    source: Source


@dataclass(frozen=True)
class LabelCount:
    """A label and the segments that it holds in; `by_person` of them by a person's word."""

    label: str
    segments: int
    by_person: int
    examples: tuple[TagExample, ...]  # surest first


@dataclass(frozen=True)
class TagSummary:
    """All labels, the most frequent first. Only segments of videos that are present count."""

    vocabulary: str | None
    segments: int
    untagged: int
    labels: tuple[LabelCount, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values. A path that is not valid text keeps its bytes as surrogate escapes."""
        return asdict(self)


def most_frequent(session: Session, count: int) -> list[str]:
    """The labels that the model has found in most segments, at most so many."""
    rows = session.execute(
        select(Label.text)
        .join(SegmentTag, SegmentTag.label_id == Label.id)
        .join(Vocabulary, Vocabulary.id == Label.vocabulary_id)
        .where(SegmentTag.kept, Vocabulary.active)
        .group_by(Label.id)
        .order_by(func.count().desc(), Label.text)
        .limit(count)
    )
    return [row.text for row in rows]


def summarise_tags(session: Session, *, examples: int = 3) -> TagSummary:
    """Count the tags as people see them. Labels that hold nowhere have a count of 0.

    Raises KinodexError when nothing is tagged.
    """
    vocabulary = active_vocabulary(session)
    tags = _present_tags(session)
    if vocabulary is None and not any(tags.values()):
        raise nothing_tagged()
    held: dict[str, list[tuple[int, Tag]]] = {label: [] for label in _labels(vocabulary)}
    for segment, found in tags.items():
        for label, tag in found.items():
            held.setdefault(label, []).append((segment, tag))
    for rows in held.values():
        rows.sort(key=lambda row: (-row[1].probability, row[0]))
    places = _places(session, [row[0] for rows in held.values() for row in rows[:examples]])
    counts = [_count(label, rows, places, examples) for label, rows in held.items()]
    return TagSummary(
        vocabulary=vocabulary.name if vocabulary else None,
        segments=len(tags),
        untagged=sum(not found for found in tags.values()),
        labels=tuple(sorted(counts, key=lambda one: (-one.segments, one.label))),
    )


def _present_tags(session: Session) -> dict[int, dict[str, Tag]]:
    """For every segment that is present its tags by label."""
    present = session.scalars(select(Segment.id).where(is_present())).all()
    tags: dict[int, dict[str, Tag]] = {segment: {} for segment in present}
    rows = session.execute(
        select(SegmentTag.segment_id, Label.text, SegmentTag.probability)
        .join(Label, Label.id == SegmentTag.label_id)
        .where(SegmentTag.kept)
    )
    for segment, label, probability in rows:
        if segment in tags:
            tags[segment][label] = Tag(label, probability, Source.MODEL)
    for segment, words in all_words(session).items():
        if segment in tags:
            tags[segment] = put_right(tags[segment], words)
    return tags


def _labels(vocabulary: Vocabulary | None) -> list[str]:
    return [label.text for label in vocabulary.labels] if vocabulary else []


def _count(
    label: str,
    rows: Sequence[tuple[int, Tag]],
    places: Mapping[int, tuple[Path, float, float]],
    examples: int,
) -> LabelCount:
    shown = [(segment, tag) for segment, tag in rows[:examples] if segment in places]
    return LabelCount(
        label=label,
        segments=len(rows),
        by_person=sum(tag.source is Source.PERSON for _, tag in rows),
        examples=tuple(
            TagExample(segment, *places[segment], tag.probability, tag.source)
            for segment, tag in shown
        ),
    )


def _places(session: Session, segments: Sequence[int]) -> dict[int, tuple[Path, float, float]]:
    """Where each segment lies: a path, and from when to when."""
    found: dict[int, tuple[Path, float, float]] = {}
    for start in range(0, len(segments), _IDS_PER_QUERY):
        rows = session.execute(
            select(Segment.id, VideoPath.path, Segment.start_s, Segment.end_s)
            .join(VideoPath, VideoPath.video_id == Segment.video_id)
            .where(
                Segment.id.in_(segments[start : start + _IDS_PER_QUERY]),
                VideoPath.missing_since.is_(None),
            )
            .order_by(VideoPath.path)
        )
        for segment, path, start_s, end_s in rows:
            found.setdefault(segment, (path, start_s, end_s))
    return found
