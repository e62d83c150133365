"""The labels of a library, each with the number of segments it holds in and the surest of them.

Only segments of videos that are present count, with a person's word above the model's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import Select

from search.catalog.places import SegmentPlace, in_chunks, is_present, place_segments
from search.catalog.tables import Segment, VideoPath
from search.catalog.tag_tables import Label, SegmentTag, Vocabulary
from search.tags.corrections import all_words, segments_said
from search.tags.reading import Tag, TagSource, active_vocabulary, nothing_tagged, put_right


class Sort(StrEnum):
    """The orders that labels can be listed in."""

    COUNT = "count"
    NAME = "name"


EXAMPLES = 3
# The surest segments may be denied by people, or lie in videos that are away: this number more is
# looked at before all of a label's segments are.
_SPARE = 12

Words = Mapping[int, Mapping[str, bool]]


@dataclass(frozen=True)
class CountedLabel:
    """A label and how many segments it holds in, `by_person` of them by a person's word.

    number: its row in the active vocabulary; None for a label that only people use
    """

    text: str
    segments: int
    by_person: int
    number: int | None


@dataclass(frozen=True)
class CountedLabels:
    """All labels, in no order, and what the counts were made with."""

    labels: tuple[CountedLabel, ...]
    absent: frozenset[int]  # segments of videos that are away
    words: Words


@dataclass(frozen=True)
class Holding:
    """A segment in which a label holds: how likely, and whether a person has said so."""

    segment: int
    probability: float
    by_person: bool


@dataclass(frozen=True)
class LabelSegments:
    """The segments of a label: those it holds in, surest first, and those that people deny."""

    held: tuple[Holding, ...]
    denied: tuple[int, ...]


def count_labels(session: Session) -> CountedLabels:
    """Every label of the active vocabulary, and those that people have used."""
    absent = _absent(session)
    words = {segment: said for segment, said in all_words(session).items() if segment not in absent}
    numbers = _numbers(session)
    counts = dict.fromkeys(numbers, 0) | _model_counts(session)
    by_person: dict[str, int] = {}
    found = _found_by_model(session, list(words))
    for segment, said in words.items():
        for label, holds in said.items():
            by_model = (segment, label) in found
            counts[label] = counts.get(label, 0) + holds - by_model
            by_person[label] = by_person.get(label, 0) + holds
    # A label that people use is listed even where they say only that it does not hold.
    labels = (
        CountedLabel(text, count, by_person.get(text, 0), numbers.get(text))
        for text, count in counts.items()
    )
    return CountedLabels(tuple(labels), absent, words)


def chosen(
    labels: Sequence[CountedLabel], *, find: str, sort: Sort, every: bool
) -> list[CountedLabel]:
    """Those whose name holds `find`, in order; without `every` only those that hold somewhere."""
    wanted = find.casefold()
    kept = [
        label for label in labels if (every or label.segments) and wanted in label.text.casefold()
    ]
    kept.sort(key=lambda label: (label.text.casefold(), label.text))
    if sort is Sort.COUNT:
        kept.sort(key=lambda label: -label.segments)
    return kept


def examples(session: Session, counted: CountedLabels, label: CountedLabel) -> list[int]:
    """The segments in which a label holds most surely, at most EXAMPLES."""
    said = {segment: one[label.text] for segment, one in counted.words.items() if label.text in one}
    by_person = sorted(segment for segment, holds in said.items() if holds)
    wanted = min(EXAMPLES, label.segments)
    surest = by_person
    if len(by_person) < wanted and label.number is not None:
        by_model = _surest(session, label.number, len(said) + EXAMPLES + _SPARE)
        surest = by_person + [
            one for one in by_model if one not in counted.absent and one not in said
        ]
    if len(surest) < wanted:
        surest = [one.segment for one in holding(session, label.text).held]
    return surest[:EXAMPLES]


def holding(session: Session, label: str) -> LabelSegments:
    """All segments in which a label holds, and those in which people say that it does not.

    label: as `search.tags.reading.known_label` gives it
    """
    absent = _absent(session)
    said = {one: holds for one, holds in segments_said(session, label).items() if one not in absent}
    by_person = [Holding(one, 1.0, True) for one, holds in sorted(said.items()) if holds]
    rows = session.execute(
        select(SegmentTag.segment_id, SegmentTag.probability)
        .join(Label, Label.id == SegmentTag.label_id)
        .where(SegmentTag.kept, Label.text == label)
        .order_by(SegmentTag.probability.desc(), SegmentTag.segment_id)
    )
    by_model = [
        Holding(segment, probability, False)
        for segment, probability in rows
        if segment not in absent and segment not in said
    ]
    denied = tuple(sorted(one for one, holds in said.items() if not holds))
    return LabelSegments((*by_person, *by_model), denied)


def _absent(session: Session) -> frozenset[int]:
    return frozenset(session.scalars(_absent_segments()))


def _absent_segments() -> "Select[int]":
    present = select(VideoPath.video_id).where(
        VideoPath.missing_since.is_(None), VideoPath.video_id.is_not(None)
    )
    return select(Segment.id).where(Segment.video_id.not_in(present))


def _numbers(session: Session) -> dict[str, int]:
    rows = session.execute(
        select(Label.text, Label.id)
        .join(Vocabulary, Vocabulary.id == Label.vocabulary_id)
        .where(Vocabulary.active)
    )
    return {row.text: row.id for row in rows}


def _model_counts(session: Session) -> dict[str, int]:
    """How many segments the model has found each label in."""
    counts = (
        # Plus 0: grouped by the index on labels, rows would be fetched from all over the table,
        # which takes more than twice as long as reading it from its beginning to its end.
        select((SegmentTag.label_id + 0).label("label_id"), func.count().label("segments"))
        .where(SegmentTag.kept, SegmentTag.segment_id.not_in(_absent_segments()))
        .group_by(SegmentTag.label_id + 0)
        .subquery()
    )
    rows = session.execute(
        select(Label.text, counts.c.segments).join(counts, counts.c.label_id == Label.id)
    )
    return {row.text: row.segments for row in rows}


def _found_by_model(session: Session, segments: Sequence[int]) -> set[tuple[int, str]]:
    """The tags that the model gave to segments that people have spoken of."""
    found: set[tuple[int, str]] = set()
    for chunk in in_chunks(segments):
        rows = session.execute(
            select(SegmentTag.segment_id, Label.text)
            .join(Label, Label.id == SegmentTag.label_id)
            .where(SegmentTag.kept, SegmentTag.segment_id.in_(chunk))
        )
        found |= {(segment, text) for segment, text in rows}
    return found


def _surest(session: Session, label: int, count: int) -> Sequence[int]:
    return session.scalars(
        select(SegmentTag.segment_id)
        .where(SegmentTag.label_id == label, SegmentTag.kept)
        .order_by(SegmentTag.probability.desc(), SegmentTag.segment_id)
        .limit(count)
    ).all()


@dataclass(frozen=True)
class TagExample:
    """A segment that a label holds in."""

    segment: int
    path: Path
    start_s: float
    end_s: float
    probability: float
    source: TagSource


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
    """The labels that the model has found in most segments, at most `count`."""
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
    shown = [row[0] for rows in held.values() for row in rows[:examples]]
    places = {place.segment_id: place for place in place_segments(session, shown)}
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
            tags[segment][label] = Tag(label, probability, TagSource.MODEL)
    for segment, words in all_words(session).items():
        if segment in tags:
            tags[segment] = put_right(tags[segment], words)
    return tags


def _labels(vocabulary: Vocabulary | None) -> list[str]:
    return [label.text for label in vocabulary.labels] if vocabulary else []


def _count(
    label: str,
    rows: Sequence[tuple[int, Tag]],
    places: Mapping[int, SegmentPlace],
    examples: int,
) -> LabelCount:
    shown = [(segment, tag) for segment, tag in rows[:examples] if segment in places]
    return LabelCount(
        label=label,
        segments=len(rows),
        by_person=sum(tag.source is TagSource.PERSON for _, tag in rows),
        examples=tuple(_example(places[segment], tag) for segment, tag in shown),
    )


def _example(place: SegmentPlace, tag: Tag) -> TagExample:
    return TagExample(
        place.segment_id, place.path, place.start_s, place.end_s, tag.probability, tag.source
    )
