"""The frames that a library holds embeddings of, video by video: what its model made of which."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sqlalchemy import func, select

from search.catalog.embeddings import unpack
from search.catalog.places import is_searchable, present_videos
from search.catalog.store import Store
from search.catalog.tables import Segment, SegmentEmbedding, SegmentFrames, Space

_BYTES_OF_A_NUMBER = 2  # float16


@dataclass(frozen=True)
class StoredVideo:
    """A video of which frames are stored. frames: that were encoded, near-duplicates left out

    paths: where its content lies now, places where a file is there first
    """

    id: int
    content_hash: str
    paths: tuple[Path, ...]
    frames: int


@dataclass(frozen=True)
class StoredSegment:
    """A segment's frames, as they were sampled. Times in seconds.

    times_s: of all sampled frames, rising, float64 (frames,)
    unique_index: which row of `embeddings` stands for each, (frames,)
    embeddings: float32 (unique frames, dim), not normalised
    """

    id: int
    position: int
    start_s: float
    end_s: float
    times_s: np.ndarray = field(repr=False)
    unique_index: np.ndarray = field(repr=False)
    embeddings: np.ndarray = field(repr=False)


def stored_videos(store: Store, space: Space) -> list[StoredVideo]:
    """All videos that lie somewhere now and have frames in a space, by their content's hash.

    That order is the same on every machine, and has nothing to do with what the videos show.
    """
    counted = (
        select(Segment.video_id, func.sum(func.length(SegmentFrames.embeddings)))
        .join(SegmentFrames, SegmentFrames.segment_id == Segment.id)
        .where(is_searchable(space.id))
        .where(SegmentEmbedding.segment_id == Segment.id)
        .group_by(Segment.video_id)
    )
    with store.reading() as session:
        sizes = {video: int(size) for video, size in session.execute(counted)}
        places = present_videos(session, sizes)
    row_bytes = _BYTES_OF_A_NUMBER * space.dim
    found = [
        StoredVideo(video, place.content_hash, place.paths, sizes[video] // row_bytes)
        for video, place in places.items()
    ]
    return sorted(found, key=lambda video: video.content_hash)


def stored_segments(store: Store, space: Space, video: StoredVideo) -> Sequence[StoredSegment]:
    """A video's segments in order of time, with all their frames."""
    query = (
        select(Segment, SegmentFrames)
        .join(SegmentFrames, SegmentFrames.segment_id == Segment.id)
        .where(Segment.video_id == video.id)
        .order_by(Segment.position)
    )
    with store.reading() as session:
        return [
            StoredSegment(
                id=segment.id,
                position=segment.position,
                start_s=segment.start_s,
                end_s=segment.end_s,
                times_s=np.frombuffer(frames.times_s, dtype="<f8"),
                unique_index=np.frombuffer(frames.unique_index, dtype="<u2").astype(np.int64),
                embeddings=unpack([frames.embeddings], space.dim),
            )
            for segment, frames in session.execute(query)
        ]
