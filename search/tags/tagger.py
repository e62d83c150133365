"""Tagging a whole library from stored frames, and videos as they are indexed.

Nothing here looks at a video. What tags are made from, the embeddings of an action head, lies in a
space of its own; tags and vocabulary change together, in one transaction.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.clip.backbone import Backbone
from models.heads.checkpoints import LoadedHead
from models.identity import EncoderIdentity, ModelChoice
from models.labels.prompts import PromptTemplates, PromptTooLong
from models.labels.tagging import Calibration, measure_floor, rows_for_floor
from search.catalog.embeddings import read_embeddings
from search.catalog.lock import only_indexer
from search.catalog.store import Store
from search.catalog.tables import SegmentEmbedding, Space
from search.catalog.tag_tables import Vocabulary
from search.fusing import SpaceFiller
from search.tags.label_encoding import GivenUp, encode_labels, need_no_reading, text_digest
from search.tags.reading import active_vocabulary
from search.tags.scoring import TagRows, TagScorer, embeddings_by_chunk, joined
from search.tags.writing import (
    Scale,
    TagPlan,
    add_embeddings,
    add_tags,
    install,
    new_vocabulary,
    replace_tags,
)

# Floors are measured anew when a library has grown by this factor.
_GROWTH = 2


@dataclass(frozen=True)
class TagReport:
    """What a run did, counted."""

    segments: int
    tagged: int = 0  # with one tag or more
    tags: int = 0
    labels: int = 0
    labels_encoded: int = 0  # the others were there already
    fused: int = 0
    interrupted: bool = False


@dataclass(frozen=True)
class _Measured:
    """A vocabulary held against the whole library, not stored yet."""

    floors: np.ndarray
    rows: TagRows
    segments: int


@dataclass(frozen=True)
class LiveTagging:
    """Tags videos in their own transaction, while a library is indexed."""

    head: LoadedHead
    space_id: int
    vocabulary: Vocabulary
    scorer: TagScorer

    def store(
        self, session: Session, segment_ids: Sequence[int], embeddings: Sequence[np.ndarray | None]
    ) -> None:
        """Write tags of new segments, and their embeddings by this head, (dim,) each."""
        if not segment_ids:
            return
        videos = np.stack([one for one in embeddings if one is not None]).astype(np.float16)
        add_embeddings(session, self.space_id, segment_ids, videos)
        # As they are stored: tagging the library again gives the same.
        rows = self.scorer.tags(np.array(segment_ids), videos.astype(np.float32))
        add_tags(session, self.vocabulary, rows)


@dataclass(frozen=True)
class Tagger:
    """Gives a library's segments tags, as a plan says.

    backbone: its visual tower must be the library's
    head: an action head for that model
    encoder, model: what the tags are of: the backbone, or while nothing but videos is new another
        model with the same visual tower
    talk: hears what takes its time
    """

    library: Store
    backbone: Backbone
    head: LoadedHead
    plan: TagPlan
    encoder: EncoderIdentity
    model: ModelChoice
    talk: Callable[[str], None] = lambda _: None

    def run(self, *, on_progress: Callable[[int, int], None], stop: threading.Event) -> TagReport:
        """Tag every segment that searches can find; → what was done.

        Killed or stopped at any point, the library's tags are as before or as after.
        on_progress: hears how many of how many segments are done

        Raises LibraryBusy, EmptyLibrary, SpaceMismatch for another visual tower, and BadVocabulary
        for a label that the model cannot read to its end.
        """
        with only_indexer(self.library.folder):
            return self._tag_all(on_progress, stop)

    def knows_labels(self) -> bool:
        """Whether all labels of the plan were read before, so that `enter` takes but a moment."""
        words, templates = self.plan.words, PromptTemplates(self.plan.templates)
        with self.library.reading() as session:
            return need_no_reading(session, words.labels, templates, self.backbone)

    def enter(self, *, given_up: Callable[[], bool] = lambda: False) -> LiveTagging | None:
        """Make the library ready for tags of this plan; call it with the lock held.

        Tags of another plan are taken away: they may be of another model.
        given_up: asked while labels are read; True ends that, and gives None
        """
        _, space = self._filler.enter()
        with self.library.reading() as session:
            vocabulary = self._stored(session, space)
            if vocabulary is not None:
                return LiveTagging(self.head, space.id, vocabulary, TagScorer.of(vocabulary))
        try:
            vocabulary, _ = self._encoded(space, given_up)
        except GivenUp:
            return None
        with self.library.writing() as session:
            install(session, vocabulary)
        return LiveTagging(self.head, space.id, vocabulary, TagScorer.of(vocabulary))

    def complete(
        self,
        *,
        stop: threading.Event,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> TagReport | None:
        """Tag what older runs have left without tags; call it with the lock held.

        All tags are made again when the library has grown much since its floors were measured.
        None when there was nothing to do.
        """
        before, space = self._filler.enter()
        with self.library.reading() as session:
            vocabulary = self._stored(session, space)
            searched, tagged = (_count(session, one.id) for one in (before, space))
        measured_on = vocabulary.floor_segments if vocabulary else 0
        if not searched or (searched == tagged and searched < _GROWTH * measured_on):
            return None
        return self._tag_all(on_progress, stop)

    @property
    def _filler(self) -> SpaceFiller:
        return SpaceFiller(self.library, self.head, self.encoder, self.model, self.backbone.device)

    def _tag_all(self, on_progress: Callable[[int, int], None], stop: threading.Event) -> TagReport:
        before, space = self._filler.enter()
        filled = self._filler.fill(before, space, on_progress=on_progress, stop=stop)
        with self.library.reading() as session:
            vocabulary = self._stored(session, space)
        newly_encoded = 0
        if is_new := vocabulary is None:
            vocabulary, newly_encoded = self._encoded(space)
        measured = self._measured(vocabulary, space, stop)
        if filled.interrupted or measured is None:
            return TagReport(filled.segments, fused=filled.fused, interrupted=True)
        vocabulary.floors = measured.floors.tobytes()
        vocabulary.floor_segments = measured.segments
        with self.library.writing() as session:
            if is_new:
                install(session, vocabulary)
            else:
                session.add(vocabulary)
            replace_tags(session, vocabulary, measured.rows)
        kept = measured.rows.kept
        return TagReport(
            segments=measured.segments,
            tagged=len(np.unique(measured.rows.segment_ids[kept])),
            tags=int(kept.sum()),
            labels=len(vocabulary.labels),
            labels_encoded=newly_encoded,
            fused=filled.fused,
        )

    def _stored(self, session: Session, space: Space) -> Vocabulary | None:
        """The library's vocabulary with its labels, if it is what the plan wants."""
        stored = active_vocabulary(session)
        wanted = (
            space.id,
            self.plan.words.name,
            list(self.plan.words.labels),
            list(self.plan.templates),
            text_digest(self.encoder.weights_digest),
            self.plan.min_probability,
            self.plan.most,
        )
        if stored is None or wanted != (
            stored.space_id,
            stored.name,
            [label.text for label in stored.labels],
            stored.templates,
            stored.text_digest,
            stored.min_probability,
            stored.most,
        ):
            return None
        return stored

    def _encoded(
        self, space: Space, given_up: Callable[[], bool] = lambda: False
    ) -> tuple[Vocabulary, int]:
        """A new vocabulary, not stored, and how many of its labels were not known yet."""
        words, templates = self.plan.words, PromptTemplates(self.plan.templates)
        try:
            with self.library.reading() as session:
                encoded = encode_labels(
                    session,
                    words.labels,
                    templates,
                    self.backbone,
                    talk=self.talk,
                    given_up=given_up,
                )
        except PromptTooLong as error:
            raise words.unusable(error.label, error) from error
        digest = text_digest(self.encoder.weights_digest)
        vocabulary = new_vocabulary(
            self.plan, encoded, self._scale(), space_id=space.id, text_digest=digest
        )
        return vocabulary, encoded.newly_encoded

    def _scale(self) -> Scale:
        card = self.head.card
        if card is None:
            calibration = Calibration(*self.backbone.tag_calibration)
            return Scale(self.backbone.logit_scale, calibration)
        action = card.action
        calibration = Calibration(action.scale, action.offset) if action else Calibration()
        return Scale(card.logit_scale, calibration)

    def _measured(
        self, vocabulary: Vocabulary, space: Space, stop: threading.Event
    ) -> _Measured | None:
        """Floors from the library itself, and everybody's tags with these; None if stopped."""
        scorer = TagScorer.of(vocabulary)
        with self.library.reading() as session:
            ids = session.scalars(
                select(SegmentEmbedding.segment_id)
                .where(SegmentEmbedding.space_id == space.id)
                .order_by(SegmentEmbedding.segment_id)
            ).all()
            floors = self._floors(session, np.array(ids, dtype=np.int64), scorer, space)
            scorer = scorer.above(floors)
            parts = []
            for chunk, videos in embeddings_by_chunk(session, space.id, scorer.dim):
                if stop.is_set():
                    return None
                parts.append(scorer.tags(chunk, videos))
        return _Measured(floors.numpy().astype("<f4"), joined(parts), len(ids))

    def _floors(
        self, session: Session, ids: np.ndarray, scorer: TagScorer, space: Space
    ) -> torch.Tensor:
        """(labels,), measured on segments from all over the library."""
        sample = ids[rows_for_floor(len(ids))]
        videos = read_embeddings(session, space.id, scorer.dim)(sample)
        return measure_floor(torch.from_numpy(videos), scorer.labels, segments=len(ids))


def _count(session: Session, space_id: int) -> int:
    count = select(func.count()).where(SegmentEmbedding.space_id == space_id)
    return session.scalar(count) or 0
