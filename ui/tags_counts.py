"""The labels of a library, each with the number of segments it holds in and the surest of them.

Only segments of videos that are present count, with a person's word above the model's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import Select

from search.catalog import Segment, VideoPath
from search.corrections import all_words, segments_said
from search.tag_tables import Label, SegmentTag, Vocabulary
from ui.tags_address import Sort

EXAMPLES = 3
# The surest segments may be denied by people, or lie in videos that are away: so many more are
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

    label: as `search.tags.known_label` gives it
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
    for start in range(0, len(segments), 10_000):  # SQLite takes 32,766
        rows = session.execute(
            select(SegmentTag.segment_id, Label.text)
            .join(Label, Label.id == SegmentTag.label_id)
            .where(SegmentTag.kept, SegmentTag.segment_id.in_(segments[start : start + 10_000]))
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
