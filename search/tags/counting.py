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

from search.catalog.places import SegmentPlace, absent_segments, in_chunks, place_segments
from search.catalog.tables import Segment
from search.catalog.tag_tables import Label, SegmentTag, Vocabulary
from search.tags.corrections import all_words, segments_said
from search.tags.reading import TagSource, active_vocabulary, nothing_tagged

EXAMPLES = 3
# The surest segments may be denied by people, or lie in videos that are away: this many more are
# looked at before all of a label's segments are.
_SPARE = 12


class Sort(StrEnum):
    """The orders that labels can be listed in."""

    COUNT = "count"
    NAME = "name"


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
    """All labels, in no order, and what the counts were made with.

    absent: the segments of videos that are away
    words: what people said of the others, by segment and label
    found: the tags that the model gave to segments that people have spoken of
    """

    labels: tuple[CountedLabel, ...]
    absent: frozenset[int]
    words: Mapping[int, Mapping[str, bool]]
    found: frozenset[tuple[int, str]]


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


@dataclass(frozen=True)
class TagExample:
    """A segment that a label holds in, and where it lies."""

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
    """All labels, the most frequent first."""

    vocabulary: str | None
    segments: int
    untagged: int
    labels: tuple[LabelCount, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values. A path that is not valid text keeps its bytes as surrogate escapes."""
        return asdict(self)


def count_labels(session: Session) -> CountedLabels:
    """Every label of the active vocabulary, and those that people have used."""
    absent = frozenset(session.scalars(absent_segments()))
    words = {segment: said for segment, said in all_words(session).items() if segment not in absent}
    found = _found_by_model(session, list(words))
    numbers = _numbers(session)
    counts = dict.fromkeys(numbers, 0) | _model_counts(session)
    by_person: dict[str, int] = {}
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
    return CountedLabels(tuple(labels), absent, words, found)


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


def most_frequent(session: Session, count: int) -> list[str]:
    """The labels that the model has found in most segments, at most `count`."""
    counts = _model_counts(session)
    return sorted(counts, key=lambda text: (-counts[text], text))[:count]


def examples(
    session: Session, counted: CountedLabels, label: CountedLabel, *, most: int = EXAMPLES
) -> list[Holding]:
    """The segments in which a label holds most surely, at most `most`."""
    said = {segment: one[label.text] for segment, one in counted.words.items() if label.text in one}
    wanted = min(most, label.segments)
    held = _by_person(said)
    for rows in (len(said) + most + _SPARE, None):
        if len(held) < wanted:
            held = _by_person(said) + _by_model(
                session, label.number, but=counted.absent | said.keys(), rows=rows
            )
    return held[:most]


def holding(session: Session, label: str) -> LabelSegments:
    """All segments in which a label holds, and those in which people say that it does not.

    label: as `search.tags.reading.known_label` gives it
    """
    absent = frozenset(session.scalars(absent_segments()))
    said = {one: holds for one, holds in segments_said(session, label).items() if one not in absent}
    held = _by_person(said)
    held += _by_model(session, _numbers(session).get(label), but=absent | said.keys())
    return LabelSegments(tuple(held), tuple(sorted(one for one in said if not said[one])))


def summarise_tags(session: Session, *, most: int = EXAMPLES) -> TagSummary:
    """The labels with their counts and examples. Those that hold nowhere have a count of 0.

    Raises KinodexError when nothing is tagged.
    """
    vocabulary = active_vocabulary(session)
    counted = count_labels(session)
    if vocabulary is None and not any(label.segments for label in counted.labels):
        raise nothing_tagged()
    listed = [one for one in counted.labels if one.segments or one.number is not None]
    held = {one.text: examples(session, counted, one, most=most) for one in listed}
    shown = [one.segment for holdings in held.values() for one in holdings]
    places = {place.segment_id: place for place in place_segments(session, shown)}
    counts = [
        LabelCount(
            one.text,
            one.segments,
            one.by_person,
            tuple(_example(places[of.segment], of) for of in held[one.text]),
        )
        for one in listed
    ]
    segments = (session.scalar(select(func.count(Segment.id))) or 0) - len(counted.absent)
    return TagSummary(
        vocabulary=vocabulary.name if vocabulary else None,
        segments=segments,
        untagged=segments - _count_tagged(session, counted),
        labels=tuple(sorted(counts, key=lambda one: (-one.segments, one.label))),
    )


def _example(place: SegmentPlace, held: Holding) -> TagExample:
    source = TagSource.PERSON if held.by_person else TagSource.MODEL
    return TagExample(
        held.segment, place.path, place.start_s, place.end_s, held.probability, source
    )


def _count_tagged(session: Session, counted: CountedLabels) -> int:
    """How many segments have a tag, after what people say of those of the model."""
    by_model = select(func.count(SegmentTag.segment_id.distinct())).where(
        SegmentTag.kept, SegmentTag.segment_id.not_in(absent_segments())
    )
    agreed = {one for one, label in counted.found if counted.words[one].get(label, True)}
    said = {one for one, words in counted.words.items() if any(words.values())}
    changed = len(agreed | said) - len({one for one, _ in counted.found})
    return (session.scalar(by_model) or 0) + changed


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
        .where(SegmentTag.kept, SegmentTag.segment_id.not_in(absent_segments()))
        .group_by(SegmentTag.label_id + 0)
        .subquery()
    )
    rows = session.execute(
        select(Label.text, counts.c.segments).join(counts, counts.c.label_id == Label.id)
    )
    return {row.text: row.segments for row in rows}


def _found_by_model(session: Session, segments: Sequence[int]) -> frozenset[tuple[int, str]]:
    found: set[tuple[int, str]] = set()
    for chunk in in_chunks(segments):
        rows = session.execute(
            select(SegmentTag.segment_id, Label.text)
            .join(Label, Label.id == SegmentTag.label_id)
            .where(SegmentTag.kept, SegmentTag.segment_id.in_(chunk))
        )
        found |= {(segment, text) for segment, text in rows}
    return frozenset(found)


def _by_person(said: Mapping[int, bool]) -> list[Holding]:
    return [Holding(segment, 1.0, True) for segment in sorted(said) if said[segment]]


def _by_model(
    session: Session, label: int | None, *, but: frozenset[int], rows: int | None = None
) -> list[Holding]:
    """The segments that the model has found a label in, surest first; the first rows only.

    label: its number; the model finds none of those that have none
    """
    found = session.execute(
        select(SegmentTag.segment_id, SegmentTag.probability)
        .where(SegmentTag.label_id == label, SegmentTag.kept)
        .order_by(SegmentTag.probability.desc(), SegmentTag.segment_id)
        .limit(rows)
    )
    return [
        Holding(segment, probability, False) for segment, probability in found if segment not in but
    ]
