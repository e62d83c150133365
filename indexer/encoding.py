"""Segments through the model in shared batches, and back together as whole videos."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from indexer.decoding import Opened
from indexer.reading.video import DecodedSegment, DecodeSummary
from indexer.registration import PathToIndex
from models.clip.backbone import Backbone
from models.heads.checkpoints import LoadedHead
from search.catalog.embeddings import in_sampled_order
from search.catalog.writing import NewSegment, NewVideo
from search.fusing import fuse_sequences


@dataclass
class GrowingVideo:
    """A video on its way: some segments encoded, some waiting, the end perhaps not yet seen."""

    opened: Opened
    segments: dict[int, NewSegment] = field(default_factory=dict)
    keyframes: dict[int, bytes] = field(default_factory=dict)  # JPEG files, by position
    waiting: int = 0
    summary: DecodeSummary | None = None

    def finished(self, summary: DecodeSummary) -> NewVideo:
        """The video as the catalog wants it."""
        info, job = self.opened.info, self.opened.job
        return NewVideo(
            content_hash=self.opened.content_hash,
            size_bytes=job.size_bytes,
            container=info.container,
            codec=info.codec,
            duration_s=summary.duration_s,
            width=info.width,
            height=info.height,
            rotation=info.rotation,
            average_rate=info.average_rate,
            start_offset_s=info.start_offset_s,
            # A day is that of the place where it was: the zone has served its purpose.
            recorded_at=info.created_at.replace(tzinfo=None) if info.created_at else None,
            frames_sampled=summary.frames_sampled,
            bad_frames=summary.bad_frames,
            segments=tuple(self.segments[position] for position in sorted(self.segments)),
        )


class Encoder:
    """Gathers segments of any videos until they fill a batch, then encodes them together."""

    def __init__(self, backbone: Backbone, head: LoadedHead) -> None:
        self._backbone = backbone
        self._head = head.head.to(backbone.device)
        self._action_head: torch.nn.Module | None = None
        self._waiting: list[tuple[PathToIndex, DecodedSegment]] = []

    def fuse_for_actions(self, head: LoadedHead) -> None:
        """From now on, also give what this head makes of a segment's frames."""
        self._action_head = head.head.to(self._backbone.device)

    @property
    def waiting_frames(self) -> int:
        """Pictures that wait for the model."""
        return sum(len(segment.frames) for _, segment in self._waiting)

    @property
    def is_full(self) -> bool:
        """There is enough for the model to work at its best."""
        return self.waiting_frames >= self._backbone.batch_size

    def add(self, job: PathToIndex, segment: DecodedSegment) -> None:
        """Let a segment wait for the next batch."""
        self._waiting.append((job, segment))

    def encode(self) -> Iterator[tuple[PathToIndex, DecodedSegment, NewSegment]]:
        """Encode all that waits; → each segment with its embeddings."""
        waiting, self._waiting = self._waiting, []
        segments = [segment for _, segment in waiting]
        embedded = self._backbone.clip_arrays([segment.frames for segment in segments])
        # As they will be stored: fusing a library again gives what indexing it anew would.
        stored = [one.astype(np.float16).astype(np.float32) for one in embedded]
        sequences = [
            in_sampled_order(embeddings, segment.unique_index)
            for embeddings, segment in zip(stored, segments, strict=True)
        ]
        device = self._backbone.device
        fused = fuse_sequences(self._head, sequences, device=device)
        actions: Sequence[np.ndarray | None] = [None] * len(sequences)
        if self._action_head is not None:
            actions = list(fuse_sequences(self._action_head, sequences, device=device))
        for (job, segment), frames, embedding, action in zip(
            waiting, stored, fused, actions, strict=True
        ):
            yield job, segment, _new_segment(segment, frames, embedding, action)


def _new_segment(
    segment: DecodedSegment,
    frame_embeddings: np.ndarray,
    embedding: np.ndarray,
    action_embedding: np.ndarray | None,
) -> NewSegment:
    return NewSegment(
        start_s=segment.start_s,
        end_s=segment.end_s,
        keyframe_s=segment.keyframe_s,
        frame_times_s=segment.frame_times_s,
        unique_index=segment.unique_index,
        frame_embeddings=frame_embeddings,
        embedding=embedding,
        action_embedding=action_embedding,
    )
