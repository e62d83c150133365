"""Why a segment has the tags it has: every number that the decision was made of."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import KinodexError
from models.labels.prompts import NEUTRAL_SENTENCES
from search.catalog.embeddings import unpack
from search.catalog.tables import SegmentEmbedding
from search.catalog.tag_tables import Label, SegmentTag
from search.tags.corrections import words_on
from search.tags.reading import Tag, TagSource, active_vocabulary, nothing_tagged, tags_of


@dataclass(frozen=True)
class ExplainedTag:
    """A label with what speaks for it.

    similarity: cosine of the segment and the label
    floor: by how much this label's cosines lie above those of others everywhere in the library
    Both are None for a label that the vocabulary does not have.
    """

    label: str
    probability: float
    source: TagSource
    similarity: float | None
    floor: float | None


@dataclass(frozen=True)
class Explanation:
    """The tags of one segment, and what was not said.

    runner_up: the likeliest label of the model that is not among its tags
    denied: labels that a person has taken away
    background: the neutral sentence that the segment is nearest to, and
    background_similarity: its cosine; a label must do better than all such sentences together
    """

    segment: int
    vocabulary: str
    min_probability: float
    tags: tuple[ExplainedTag, ...]
    runner_up: ExplainedTag | None
    denied: tuple[str, ...]
    background: str
    background_similarity: float

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def explain(session: Session, segment: int) -> Explanation:
    """The explanation of a segment. Raises KinodexError when it was never tagged."""
    vocabulary = active_vocabulary(session)
    if vocabulary is None:
        raise nothing_tagged()
    places = {label.text: place for place, label in enumerate(vocabulary.labels)}
    floors = np.frombuffer(vocabulary.floors, "<f4")
    dim = len(vocabulary.labels[0].embedding) // 2
    video = _embedding(session, vocabulary.space_id, segment, dim)
    neutral = unpack([vocabulary.neutral], dim) @ video
    nearest = int(neutral.argmax())

    def explained(tag: Tag) -> ExplainedTag:
        place = places.get(tag.label)
        if place is None:
            return ExplainedTag(tag.label, tag.probability, tag.source, None, None)
        return ExplainedTag(
            tag.label,
            tag.probability,
            tag.source,
            similarity=float(unpack([vocabulary.labels[place].embedding], dim)[0] @ video),
            floor=float(floors[place]),
        )

    runner_up = _runner_up(session, segment)
    words = words_on(session, [segment]).get(segment, {})
    return Explanation(
        segment=segment,
        vocabulary=vocabulary.name,
        min_probability=vocabulary.min_probability,
        tags=tuple(map(explained, tags_of(session, [segment])[segment])),
        runner_up=explained(runner_up) if runner_up else None,
        denied=tuple(sorted(label for label, holds in words.items() if not holds)),
        background=NEUTRAL_SENTENCES[nearest],
        background_similarity=float(neutral[nearest]),
    )


def _embedding(session: Session, space_id: int, segment: int, dim: int) -> np.ndarray:
    blob = session.scalar(
        select(SegmentEmbedding.embedding).where(
            SegmentEmbedding.space_id == space_id, SegmentEmbedding.segment_id == segment
        )
    )
    if blob is None:  # of another model's time, or indexed a moment ago by an older program
        raise KinodexError(f"segment {segment} is not tagged yet: run 'kinodex tag'")
    return unpack([blob], dim)[0]


def _runner_up(session: Session, segment: int) -> Tag | None:
    row = session.execute(
        select(Label.text, SegmentTag.probability)
        .join(Label, Label.id == SegmentTag.label_id)
        .where(SegmentTag.segment_id == segment, ~SegmentTag.kept)
    ).one_or_none()
    return Tag(row.text, row.probability, TagSource.MODEL) if row else None
