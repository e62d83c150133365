"""Fusing stored frame embeddings with a head: some of them, or a whole library's into a new space.

Nothing here looks at a video.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from sqlalchemy import exists, func, insert, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from models.errors import KinodexError
from models.frame_sets import padded
from models.heads.checkpoints import LoadedHead
from models.identity import EncoderIdentity, ModelChoice
from search.catalog.embeddings import pack, read_sequences
from search.catalog.lock import only_indexer
from search.catalog.spaces import (
    SpaceIdentity,
    SpaceMismatch,
    activate,
    active_space,
    bump_revision,
    choice_of,
    find_or_make_space,
    gives_same_frames,
)
from search.catalog.store import Store, nothing_indexed
from search.catalog.tables import Segment, SegmentEmbedding, Space
from search.heads import stored_file
from search.vectors.segment_index import SegmentIndex

# Padding included. At width 512 that is 16 MB, and 64 MB in the widest layer of a transformer.
_FRAMES_AT_ONCE = 8_192
# Read before they are sorted by length and cut into such batches: 64 MB at width 512.
_FRAMES_IN_HAND = 32_768
# Written in one transaction: large enough that waiting for the disk is nothing beside the head,
# small enough that little is done twice after a kill.
_SEGMENTS_AT_ONCE = 2_000


@dataclass(frozen=True)
class FuseReport:
    """What a run did, counted in the catalog. `segments` are all, also those of absent files."""

    segments: int
    fused: int = 0
    already_there: int = 0
    changed: bool = False  # searches use another space than before
    interrupted: bool = False


def fuse_sequences(
    head: Callable[..., torch.Tensor], sequences: Sequence[np.ndarray], *, device: torch.device
) -> np.ndarray:
    """Unit embeddings (segments, dim) of frame embeddings (frames, dim) each, in their order.

    Those of like length share a batch. Raises EmptyVideo for a segment without frames.
    """
    fused = np.empty((len(sequences), sequences[0].shape[1]), dtype=np.float32)
    for batch in _batches([len(sequence) for sequence in sequences]):
        frames, mask = padded([sequences[number] for number in batch])
        with torch.inference_mode():
            fused[batch] = head(frames.to(device), mask.to(device)).float().cpu().numpy()
    return fused


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of sequences, shortest first, in batches that stay small when padded."""
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[number] > _FRAMES_AT_ONCE:
            yield batch
            batch = []
        batch.append(number)
    yield batch


@dataclass(frozen=True)
class SpaceFiller:
    """Fills a space beside the one that searches use, from the stored frames.

    encoder, model: what the new space is of; its visual tower must be the library's
    """

    library: Store
    head: LoadedHead
    encoder: EncoderIdentity
    model: ModelChoice
    device: torch.device

    def enter(self) -> tuple[Space, Space]:
        """The space that searches use now, and the one to fill, made where there is none.

        Raises EmptyLibrary, and SpaceMismatch for another visual tower.
        """
        with self.library.writing() as session:
            before = active_space(session)
            if before is None:
                raise nothing_indexed(self.library)
            if not gives_same_frames(before, self.encoder):
                raise SpaceMismatch(
                    f"the frames of this library were encoded with {choice_of(before)}, and the "
                    f"visual tower or preprocessing of {self.model} is another one: "
                    "run 'kinodex index --reindex' with it to encode every video again"
                )
            target = find_or_make_space(
                session,
                SpaceIdentity(self.encoder, self.head.identity, before.sampling),
                self.model,
                dim=before.dim,
                head_file=stored_file(self.head, self.model),
            )
            return before, target

    def fill(
        self,
        before: Space,
        target: Space,
        *,
        on_progress: Callable[[int, int], None],
        stop: threading.Event,
    ) -> FuseReport:
        """Fuse what is not in the space yet, some videos in each transaction; → what was done.

        on_progress: hears how many of how many segments are done
        """
        missing, total = self._find_missing(before, target)
        already_there = done = total - len(missing)
        on_progress(done, total)
        self.head.head.to(self.device)
        for chunk in _whole_videos(missing):
            if stop.is_set():
                return FuseReport(total, done - already_there, already_there, interrupted=True)
            self._fuse(chunk, target)
            done += len(chunk)
            on_progress(done, total)
        return FuseReport(total, done - already_there, already_there)

    def _find_missing(self, before: Space, target: Space) -> tuple[np.ndarray, int]:
        """Ids of segments and their videos, (missing, 2), video by video; and how many there are.

        Segments outside the active space may hold the frames of another model.
        """
        with self.library.reading() as session:
            rows = session.execute(
                select(Segment.id, Segment.video_id)
                .where(*_missing(before, target))
                .order_by(Segment.video_id, Segment.position),
                execution_options={"yield_per": 10_000},
            )
            flat = np.fromiter((number for row in rows for number in row), dtype=np.int64)
            in_space = SegmentEmbedding.space_id == before.id
            total = session.scalar(select(func.count(SegmentEmbedding.segment_id)).where(in_space))
        return flat.reshape(-1, 2), total or 0

    def _fuse(self, chunk: np.ndarray, target: Space) -> None:
        """Fuse whole videos and write them in one transaction; chunk: (segments, 2)."""
        embeddings: dict[int, bytes] = {}
        with self.library.reading() as session:
            for sequences in _handfuls(session, chunk[:, 0], target.dim):
                fused = fuse_sequences(self.head.head, list(sequences.values()), device=self.device)
                embeddings |= zip(sequences, map(pack, fused), strict=True)
        with self.library.writing() as session:
            # Others may remove videos at any time.
            videos = np.unique(chunk[:, 1]).tolist()
            present = session.scalars(select(Segment.id).where(Segment.video_id.in_(videos)))
            rows = [
                {"space_id": target.id, "segment_id": number, "embedding": embeddings[number]}
                for number in present
                if number in embeddings
            ]
            if rows:
                session.execute(insert(SegmentEmbedding), rows)


@dataclass(frozen=True)
class LibraryFuser(SpaceFiller):
    """Moves a library to another head, and where wanted to another text tower."""

    def run(self, *, on_progress: Callable[[int, int], None], stop: threading.Event) -> FuseReport:
        """Fuse what is not there yet, then let searches use it; → what was done.

        Killed or stopped at any point, the library is as before, and another run goes on there.
        on_progress: hears how many of how many segments are done

        Raises LibraryBusy, EmptyLibrary, and SpaceMismatch for another visual tower.
        """
        with only_indexer(self.library.folder):
            before, target = self.enter()
            report = self.fill(before, target, on_progress=on_progress, stop=stop)
            if report.interrupted:
                return report
            self._switch(before, target)
        return replace(report, changed=before.id != target.id)

    def _switch(self, before: Space, target: Space) -> None:
        """Let searches use the new space, once it is sure to be complete."""
        if before.id == target.id:
            return
        with self.library.writing() as session:
            lacking = session.scalar(
                select(func.count(Segment.id)).where(*_missing(before, target))
            )
            if lacking:
                raise KinodexError(
                    f"{lacking} segments of {str(self.library.folder)!r} have lost their frame "
                    "embeddings, so the library stays with its head: run 'kinodex index --reindex'"
                )
            activate(session, session.get_one(Space, target.id))
            bump_revision(session)
        index = SegmentIndex(self.library, target)
        index.refresh()
        index.save()


def _missing(before: Space, target: Space) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Conditions: a segment is in the one space and not in the other."""

    def is_in(space: Space) -> ColumnElement[bool]:
        return exists().where(
            SegmentEmbedding.space_id == space.id, SegmentEmbedding.segment_id == Segment.id
        )

    return is_in(before), ~is_in(target)


def _whole_videos(missing: np.ndarray) -> Iterator[np.ndarray]:
    """Chunks for a transaction each; one ends where a video ends. A space holds whole videos."""
    starts = np.flatnonzero(np.diff(missing[:, 1], prepend=-1))
    edges = [0]
    for start in (*starts.tolist(), len(missing)):
        if start - edges[-1] >= _SEGMENTS_AT_ONCE or start == len(missing):
            edges.append(start)
    yield from (missing[start:end] for start, end in pairwise(edges) if end > start)


def _handfuls(session: Session, ids: np.ndarray, dim: int) -> Iterator[dict[int, np.ndarray]]:
    """Frame embeddings by segment, in portions that may lie in memory."""
    handful: dict[int, np.ndarray] = {}
    frames = 0
    for number, sequence in read_sequences(session, ids.tolist(), dim):
        handful[number] = sequence
        frames += len(sequence)
        if frames >= _FRAMES_IN_HAND:
            yield handful
            handful, frames = {}, 0
    if handful:
        yield handful
