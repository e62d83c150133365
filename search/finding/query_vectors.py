"""What the terms of a query are in the model's space."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy.orm import Session

from models.files import typed_path
from search.catalog.embeddings import normalised, read_embeddings
from search.catalog.segment_reference import NoSuchSegment, find_segment
from search.catalog.store import Store
from search.finding.composing import fulfilment
from search.queries.drawings import drawing_from_text, rendered
from search.queries.pictures import open_picture
from search.queries.query import QueryMistake, Step, Term, TermKind
from search.vectors.segment_index import SegmentIndex

if TYPE_CHECKING:
    from models.clip.backbone import Backbone


@dataclass(frozen=True)
class StepVector:
    """One step of a query.

    vector: (dim,), unit length, of all that is looked for
    text_embedding: (dim,), of a step that is nothing but a text, as the model gives it
    terms: each term with its own unit vector
    segments: those that the step names, which are not looked for
    """

    vector: np.ndarray
    text_embedding: np.ndarray | None
    terms: tuple[tuple[Term, np.ndarray], ...]
    segments: tuple[int, ...]


def text_vectors(backbone: "Backbone", texts: Sequence[str]) -> np.ndarray:
    """Texts as unit vectors, float32 (texts, dim)."""
    return normalised(backbone.text_arrays(texts))


def picture_vectors(backbone: "Backbone", pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures, uint8 RGB of any sizes, as unit vectors, float32 (pictures, dim)."""
    return normalised(np.concatenate(backbone.clip_arrays([one[None] for one in pictures])))


def fulfilment_in(index: SegmentIndex, step: StepVector, ids: np.ndarray) -> np.ndarray:
    """How well segments fulfil a step, as a logarithm, (n,)."""
    vectors = np.stack([vector for _, vector in step.terms])
    cosines = np.stack([index.cosines(vector, ids) for vector in vectors])
    weights = [term.weight for term, _ in step.terms]
    return fulfilment(weights, vectors, cosines, index.sample())


class QueryEncoder:
    """Turns terms into vectors, with the model of one space and the segments stored in it."""

    def __init__(self, library: Store, backbone: "Backbone", index: SegmentIndex) -> None:
        self._library = library
        self._backbone = backbone
        self._index = index

    def encode(self, session: Session, step: Step) -> StepVector:
        """A step as one vector.

        Raises KinodexError: a picture that cannot be read, a segment that is not there.
        """
        terms = tuple((term, self._vector(session, term)) for term in step)
        segments = tuple(
            find_segment(session, term.value) for term in step if term.kind is TermKind.SEGMENT
        )
        [first, *more] = step
        if not more and first.kind is TermKind.TEXT:
            text = self._backbone.text_arrays([first.value])[0]
            return StepVector(terms[0][1], text, terms, ())
        wanted = [term.weight * vector for term, vector in terms if term.weight > 0]
        return StepVector(normalised(np.sum(wanted, axis=0)[None])[0], None, terms, segments)

    def segments(self, session: Session, names: tuple[str, ...]) -> tuple[list[int], np.ndarray]:
        """The segments of these names, and their embeddings (n, dim). Raises NoSuchSegment."""
        ids = [find_segment(session, name.removeprefix("@")) for name in names]
        stored = [self._stored(session, one) for one in ids]
        return ids, np.array(stored, np.float32).reshape(len(ids), self._index.dim)

    def _vector(self, session: Session, term: Term) -> np.ndarray:
        if term.kind is TermKind.TEXT:
            return text_vectors(self._backbone, [term.value])[0]
        if term.kind is TermKind.SEGMENT:
            return self._stored(session, find_segment(session, term.value))
        return picture_vectors(self._backbone, [self._picture(term)])[0]

    def _stored(self, session: Session, segment: int) -> np.ndarray:
        read = read_embeddings(session, self._index.space_id, self._index.dim)
        try:
            return normalised(read(np.array([segment])))[0]
        except KeyError:
            raise NoSuchSegment(
                f"segment {segment} is not encoded by the library's model"
            ) from None

    def _picture(self, term: Term) -> np.ndarray:
        if term.kind is TermKind.KEPT:
            return open_picture(self._kept(term.value), name="the picture searched for")
        if term.kind is TermKind.DRAWING:
            return rendered(drawing_from_text(term.value))
        return open_picture(typed_path(term.value), name=term.value)

    def _kept(self, digest: str) -> Path:
        file = self._library.query_picture_file(digest)
        if not file.is_file():
            raise QueryMistake("the picture searched for is not kept any more: give it once more")
        return file
