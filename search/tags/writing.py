"""Writing vocabularies and tags: each function is one step inside a caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session

from models.labels.tagging import Calibration
from search.catalog.embeddings import pack
from search.catalog.tables import Segment, SegmentEmbedding, Space
from search.catalog.tag_tables import Label, SegmentTag, Vocabulary
from search.tags.label_encoding import EncodedLabels
from search.tags.scoring import TagRows
from search.tags.vocabulary import WordList

_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class TagPlan:
    """What a library's segments are tagged with, and how sure a tag must be."""

    words: WordList
    templates: tuple[str, ...]
    min_probability: float
    most: int


@dataclass(frozen=True)
class Scale:
    """How similarities become probabilities, as the model and its head were trained.

    logit_scale: as CLIP stores it, the natural logarithm of the factor on the cosines
    """

    logit_scale: float
    calibration: Calibration


def new_vocabulary(
    plan: TagPlan, encoded: EncodedLabels, scale: Scale, *, space_id: int, text_digest: str
) -> Vocabulary:
    """A vocabulary with its labels, of which no library has been measured yet. Not stored."""
    return Vocabulary(
        space_id=space_id,
        name=plan.words.name,
        file=plan.words.file,
        templates=list(plan.templates),
        text_digest=text_digest,
        neutral=encoded.neutral,
        floors=np.zeros(len(encoded.labels), dtype="<f4").tobytes(),
        floor_segments=0,
        logit_scale=scale.logit_scale,
        calibration_scale=scale.calibration.scale,
        calibration_offset=scale.calibration.offset,
        min_probability=plan.min_probability,
        most=plan.most,
        labels=[
            Label(position=position, text=text, embedding=embedding)
            for position, (text, embedding) in enumerate(
                zip(plan.words.labels, encoded.labels, strict=True)
            )
        ],
    )


def install(session: Session, vocabulary: Vocabulary) -> None:
    """Make a new vocabulary the one that tags are of; the tags of the old one go.

    Others stay for when they are wanted again, but for one of the same name.
    """
    session.execute(delete(SegmentTag))
    same = Vocabulary.name == vocabulary.name
    if vocabulary.file is not None:
        same = or_(same, Vocabulary.file == vocabulary.file)
    session.execute(delete(Vocabulary).where(same))
    session.execute(update(Vocabulary).values(active=False))
    session.execute(update(Space).values(tagging=Space.id == vocabulary.space_id))
    vocabulary.active = True
    session.add(vocabulary)
    session.flush()


def replace_tags(session: Session, vocabulary: Vocabulary, rows: TagRows) -> None:
    """Let these be the tags of all segments. Those of segments that are gone are left out."""
    session.execute(delete(SegmentTag))
    present = np.array(session.scalars(select(Segment.id)).all(), dtype=np.int64)
    add_tags(session, vocabulary, _only(rows, np.isin(rows.segment_ids, present)))


def add_tags(session: Session, vocabulary: Vocabulary, rows: TagRows) -> None:
    """Store tags of segments that have none."""
    label_ids = np.array([label.id for label in vocabulary.labels], dtype=np.int64)
    for start in range(0, len(rows.places), _ROWS_AT_ONCE):
        part = _only(rows, slice(start, start + _ROWS_AT_ONCE))
        columns = zip(
            part.segment_ids.tolist(),
            label_ids[part.places].tolist(),
            part.probabilities.tolist(),
            part.kept.tolist(),
            strict=True,
        )
        names = ("segment_id", "label_id", "probability", "kept")
        session.execute(insert(SegmentTag), [dict(zip(names, one, strict=True)) for one in columns])


def add_embeddings(
    session: Session, space_id: int, segment_ids: Sequence[int], embeddings: np.ndarray
) -> None:
    """Store unit embeddings (segments, dim) of segments that have none in this space."""
    rows = [
        {"space_id": space_id, "segment_id": segment_id, "embedding": pack(embedding)}
        for segment_id, embedding in zip(segment_ids, embeddings, strict=True)
    ]
    if rows:
        session.execute(insert(SegmentEmbedding), rows)


def _only(rows: TagRows, which: np.ndarray | slice) -> TagRows:
    return TagRows(**{name: column[which] for name, column in vars(rows).items()})
