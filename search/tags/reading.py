"""Tags as people see them: what the model found, put right by what people have said."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import KinodexError
from search.catalog.places import in_chunks
from search.catalog.tag_tables import Correction, Label, SegmentTag, Vocabulary
from search.tags.corrections import segments_said, words_on
from search.tags.vocabulary import clean_label
from search.wording import composed


class UnknownLabel(KinodexError):
    """No vocabulary and no person knows this label here."""


class TagSource(StrEnum):
    """Whose word a tag is."""

    MODEL = "model"
    PERSON = "person"


@dataclass(frozen=True)
class Tag:
    """A label that holds in a segment. A person's word has probability 1."""

    label: str
    probability: float
    source: TagSource


@dataclass(frozen=True)
class TagFilter:
    """All of these labels must hold.

    min_probability: of each. By default that of the library's tags; below that, every segment is
        scored anew for these labels, which takes a moment in a large library.
    """

    labels: tuple[str, ...]
    min_probability: float | None = None


@dataclass(frozen=True)
class Tagged:
    """Segments, best first: their ids (n,), and the probability that all labels asked for hold."""

    ids: np.ndarray
    probabilities: np.ndarray

    def by_segment(self) -> dict[int, float]:
        """The probability of each segment."""
        return dict(zip(self.ids.tolist(), self.probabilities.tolist(), strict=True))


def active_vocabulary(session: Session) -> Vocabulary | None:
    """The vocabulary that tags are of, or None in a library that was never tagged."""
    return session.scalar(select(Vocabulary).where(Vocabulary.active))


def nothing_tagged() -> KinodexError:
    """What to say of a library without tags."""
    return KinodexError("nothing is tagged in this library yet: run 'kinodex tag'")


def tags_of(session: Session, segment_ids: Sequence[int]) -> dict[int, tuple[Tag, ...]]:
    """The tags of each segment, best first; an empty tuple where nothing fits."""
    found: dict[int, dict[str, Tag]] = {segment_id: {} for segment_id in segment_ids}
    for chunk in in_chunks(segment_ids):
        rows = session.execute(
            select(SegmentTag.segment_id, Label.text, SegmentTag.probability)
            .join(Label, Label.id == SegmentTag.label_id)
            .where(SegmentTag.kept, SegmentTag.segment_id.in_(chunk))
        )
        for segment_id, label, probability in rows:
            found[segment_id][label] = Tag(label, probability, TagSource.MODEL)
    for segment_id, words in words_on(session, segment_ids).items():
        found[segment_id] = put_right(found[segment_id], words)
    return {segment_id: best_first(tags) for segment_id, tags in found.items()}


def put_right(tags: dict[str, Tag], words: dict[str, bool]) -> dict[str, Tag]:
    """The model's tags, by label, after what a person says: denied ones gone, said ones added."""
    kept = {label: tag for label, tag in tags.items() if words.get(label, True)}
    said = {label: Tag(label, 1.0, TagSource.PERSON) for label, holds in words.items() if holds}
    return kept | said


def best_first(tags: dict[str, Tag]) -> tuple[Tag, ...]:
    """Tags by falling probability; equal ones by name."""
    return tuple(sorted(tags.values(), key=lambda tag: (-tag.probability, tag.label)))


def find_tagged(session: Session, wanted: TagFilter) -> Tagged:
    """The segments that pass a filter, by the product of their probabilities.

    Raises UnknownLabel for a label that neither the vocabulary nor a person has used, and
    KinodexError when nothing is tagged.
    """
    held = [
        _holding(session, known_label(session, label), wanted.min_probability)
        for label in wanted.labels
    ]
    shared = set.intersection(*(set(one) for one in held)) if held else set()
    ids = np.array(sorted(shared), dtype=np.int64)
    products = np.array([math.prod(one[number] for one in held) for number in ids.tolist()])
    order = np.argsort(-products, kind="stable")
    return Tagged(ids[order], products[order])


def used_labels(session: Session) -> list[str]:
    """The labels that hold somewhere, by the model's word or a person's, by name."""
    tagged = select(Label.text).where(
        select(SegmentTag.segment_id)
        .where(SegmentTag.label_id == Label.id, SegmentTag.kept)
        .exists()
    )
    said = select(Correction.label).where(Correction.holds)
    return sorted({*session.scalars(tagged), *session.scalars(said)}, key=str.casefold)


def known_label(session: Session, text: str) -> str:
    """The label that was meant, as it is stored. Raises UnknownLabel, KinodexError."""
    known = [*_labels(session), *session.scalars(select(Correction.label).distinct())]
    if not known:
        raise nothing_tagged()
    by_name = {composed(label).casefold(): label for label in reversed(known)}
    typed = composed(text).casefold()
    if typed in by_name:  # cleaning would take a stored label's last brackets away
        return by_name[typed]
    asked = clean_label(text).casefold()
    if asked in by_name:
        return by_name[asked]
    near = " or ".join(repr(by_name[name]) for name in get_close_matches(asked, by_name, n=3))
    hint = f"did you mean {near}?" if near else "'kinodex tags --all' lists them"
    raise UnknownLabel(f"there is no label {text!r} in this library: {hint}")


def _labels(session: Session) -> Sequence[str]:
    return session.scalars(
        select(Label.text)
        .join(Vocabulary, Vocabulary.id == Label.vocabulary_id)
        .where(Vocabulary.active)
    ).all()


def _holding(session: Session, label: str, min_probability: float | None) -> dict[int, float]:
    """The segments in which one label holds, and its probability there."""
    vocabulary = active_vocabulary(session)
    if min_probability is None or vocabulary is None:
        found = _stored(session, label, 0.0)
    elif min_probability >= vocabulary.min_probability:
        found = _stored(session, label, min_probability)
    else:
        found = _scored(session, vocabulary, label, min_probability)
    for segment_id, holds in segments_said(session, label).items():
        if holds:
            found[segment_id] = 1.0
        else:
            found.pop(segment_id, None)
    return found


def _stored(session: Session, label: str, min_probability: float) -> dict[int, float]:
    rows = session.execute(
        select(SegmentTag.segment_id, SegmentTag.probability)
        .join(Label, Label.id == SegmentTag.label_id)
        .where(SegmentTag.kept, SegmentTag.probability >= min_probability, Label.text == label)
    )
    return {row.segment_id: row.probability for row in rows}


def _scored(
    session: Session, vocabulary: Vocabulary, label: str, min_probability: float
) -> dict[int, float]:
    from search.tags.scoring import TagScorer, embeddings_by_chunk

    places = [row.position for row in vocabulary.labels if row.text == label]
    if not places:
        return {}  # a person's own label: no embedding of it is kept
    scorer = TagScorer.of(vocabulary)
    found: dict[int, float] = {}
    for ids, embeddings in embeddings_by_chunk(session, vocabulary.space_id, scorer.dim):
        probabilities = scorer.probabilities(embeddings)[:, places[0]]
        enough = probabilities >= min_probability
        found |= zip(ids[enough].tolist(), probabilities[enough].tolist(), strict=True)
    return found
