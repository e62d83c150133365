"""Segments' embeddings against a vocabulary's labels: probabilities, and which of them to keep."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.labels.tagging import Background, Calibration, best_labels, tag_probabilities
from search.catalog.embeddings import unpack
from search.catalog.tables import SegmentEmbedding
from search.catalog.tag_tables import Vocabulary

# 20 MB of embeddings at width 512, and 40 MB of probabilities for a thousand labels.
_SEGMENTS_AT_ONCE = 10_000
_PROBABILITIES_AT_ONCE = 10_000_000


@dataclass(frozen=True)
class TagRows:
    """What is stored of some segments: for each its tags, best first, then the runner-up.

    All arrays have one row for each (segment, label); `places` are numbers of labels, from 0.
    """

    segment_ids: np.ndarray
    places: np.ndarray
    probabilities: np.ndarray
    kept: np.ndarray


@dataclass(frozen=True)
class TagScorer:
    """The labels of one vocabulary, ready to compare with: (labels, dim), unit length."""

    labels: torch.Tensor
    background: Background
    calibration: Calibration
    logit_scale: float
    min_probability: float
    most: int

    @classmethod
    def of(cls, vocabulary: Vocabulary) -> "TagScorer":
        """The scorer of a stored vocabulary, inside the session that read it."""
        dim = len(vocabulary.labels[0].embedding) // 2
        return cls(
            labels=torch.from_numpy(unpack([row.embedding for row in vocabulary.labels], dim)),
            background=Background(
                torch.from_numpy(unpack([vocabulary.neutral], dim)),
                torch.from_numpy(np.frombuffer(vocabulary.floors, dtype="<f4").copy()),
            ),
            calibration=Calibration(vocabulary.calibration_scale, vocabulary.calibration_offset),
            logit_scale=vocabulary.logit_scale,
            min_probability=vocabulary.min_probability,
            most=vocabulary.most,
        )

    @property
    def dim(self) -> int:
        """The width of embeddings."""
        return self.labels.shape[1]

    def above(self, floors: torch.Tensor) -> "TagScorer":
        """The same labels with other floors, (labels,)."""
        return replace(self, background=Background(self.background.neutral, floors))

    def probabilities(self, videos: np.ndarray) -> np.ndarray:
        """How likely each label holds: unit embeddings (segments, dim) → (segments, labels)."""
        with torch.inference_mode():
            return tag_probabilities(
                torch.from_numpy(videos),
                self.labels,
                self.background,
                self.calibration,
                logit_scale=self.logit_scale,
            ).numpy()

    def tags(self, segment_ids: np.ndarray, videos: np.ndarray) -> TagRows:
        """The tags of segments, and the runner-up of each; videos: (segments, dim), unit."""
        step = max(1, _PROBABILITIES_AT_ONCE // len(self.labels))
        parts = [
            self._tags(segment_ids[start : start + step], videos[start : start + step])
            for start in range(0, len(segment_ids), step)
        ]
        return joined(parts)

    def _tags(self, segment_ids: np.ndarray, videos: np.ndarray) -> TagRows:
        found = torch.from_numpy(self.probabilities(videos))
        places, probabilities = (part.numpy() for part in best_labels(found, most=self.most + 1))
        ranks = np.arange(places.shape[1])
        kept = (probabilities >= self.min_probability) & (ranks < self.most)
        stored = ranks <= kept.sum(axis=1, keepdims=True)
        rows = np.broadcast_to(segment_ids[:, None], places.shape)
        return TagRows(rows[stored], places[stored], probabilities[stored], kept[stored])


def joined(parts: list[TagRows]) -> TagRows:
    """All rows as one, in order."""
    if not parts:
        nothing = np.empty(0, dtype=np.int64)
        return TagRows(nothing, nothing, nothing.astype(np.float32), nothing.astype(bool))
    names = TagRows.__dataclass_fields__
    return TagRows(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


def embeddings_by_chunk(
    session: Session, space_id: int, dim: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All segments of a space: ids (n,) and unit embeddings float32 (n, dim), some at a time."""
    rows = session.execute(
        select(SegmentEmbedding.segment_id, SegmentEmbedding.embedding)
        .where(SegmentEmbedding.space_id == space_id)
        .order_by(SegmentEmbedding.segment_id),
        execution_options={"yield_per": _SEGMENTS_AT_ONCE},
    )
    for chunk in rows.partitions():
        ids, blobs = zip(*chunk, strict=True)
        yield np.array(ids, dtype=np.int64), unpack(blobs, dim)
