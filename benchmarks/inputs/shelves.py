"""Libraries of any size without any video: rows as indexing would have written them."""

from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

from benchmarks.inputs.embeddings import unit
from indexer.library_settings import sampling_of
from indexer.reading.settings import IndexSettings
from models.clip.backbone import Backbone
from models.identity import MEAN_POOLING, HeadIdentity
from search.catalog.embeddings import pack
from search.catalog.spaces import SpaceIdentity, bump_revision, enter_space
from search.catalog.store import Store
from search.catalog.tables import (
    Base,
    Segment,
    SegmentEmbedding,
    SegmentFrames,
    Status,
    Video,
    VideoPath,
)
from search.vectors.protocol import Vectors

SEGMENTS_PER_VIDEO = 12
FRAMES_PER_SEGMENT = 24
SEGMENT_S = 12.0
FOLDERS = 100  # that videos are dealt out to
# How long CLIP's embeddings are before they are scaled, and how unlike a segment's frames are.
_FRAME_LENGTH = 10.0
_FRAME_SPREAD = 0.5
_SPREADS = 64  # different ways for the frames of a segment to be unlike
_SEGMENTS_PER_TRANSACTION = 250 * SEGMENTS_PER_VIDEO  # 75 MB, so that SQLite's log stays small

_TIMES_S = np.arange(FRAMES_PER_SEGMENT, dtype="<f8") * SEGMENT_S / FRAMES_PER_SEGMENT
_UNIQUE_INDEX = np.arange(FRAMES_PER_SEGMENT, dtype="<u2").tobytes()
_VIDEO = {
    "size_bytes": 50_000_000,
    "container": "mp4",
    "codec": "h264",
    "duration_s": SEGMENTS_PER_VIDEO * SEGMENT_S,
    "width": 1280,
    "height": 720,
    "rotation": 0,
    "average_rate": 30.0,
    "start_offset_s": 0.0,
    "frames_sampled": SEGMENTS_PER_VIDEO * FRAMES_PER_SEGMENT,
    "bad_frames": 0,
}

Row = dict[str, Any]


def fill(
    library: Store, backbone: Backbone, vectors: Vectors, *, head: HeadIdentity | None = None
) -> None:
    """Store segments with these embeddings, (segments, dim), in videos of twelve each.

    head: which one they count as made with, meanP by default

    A segment's id is its row in `vectors` plus one.
    """
    head = head or HeadIdentity(MEAN_POOLING)
    identity = SpaceIdentity(backbone.identity, head, sampling_of(IndexSettings()))
    with library.writing() as session:
        space = enter_space(session, identity, backbone.choice, dim=backbone.dim, switch=False)
        space_id = space.id
    spreads = _spreads(vectors.shape[1])
    for start in range(0, len(vectors), _SEGMENTS_PER_TRANSACTION):
        stop = min(start + _SEGMENTS_PER_TRANSACTION, len(vectors))
        segments = range(start, stop)
        videos = range(start // SEGMENTS_PER_VIDEO, -(-stop // SEGMENTS_PER_VIDEO))
        rows: dict[type[Base], list[Row]] = {
            Video: [_video(number) for number in videos],
            VideoPath: [_path(number) for number in videos],
            Segment: [_segment(number) for number in segments],
            SegmentFrames: [
                _frames(number, vectors[number], spreads[number % _SPREADS]) for number in segments
            ],
            SegmentEmbedding: [
                {"space_id": space_id, "segment_id": number + 1, "embedding": pack(vectors[number])}
                for number in segments
            ],
        }
        with library.writing() as session:
            for kind, values in rows.items():
                session.execute(insert(kind), values)
            bump_revision(session)


def _video(number: int) -> Row:
    return _VIDEO | {"id": number + 1, "content_hash": f"{number:040x}"}


def _path(number: int) -> Row:
    return {
        "id": number + 1,
        "path": Path(f"/videos/{number % FOLDERS}/{number}.mp4"),
        "size_bytes": _VIDEO["size_bytes"],
        "mtime_ns": 0,
        "status": Status.INDEXED,
        "video_id": number + 1,
    }


def _segment(number: int) -> Row:
    position = number % SEGMENTS_PER_VIDEO
    return {
        "id": number + 1,
        "video_id": number // SEGMENTS_PER_VIDEO + 1,
        "position": position,
        "start_s": position * SEGMENT_S,
        "end_s": (position + 1) * SEGMENT_S,
        "keyframe_s": position * SEGMENT_S,
    }


def _frames(number: int, vector: Vectors, spread: Vectors) -> Row:
    start_s = number % SEGMENTS_PER_VIDEO * SEGMENT_S
    return {
        "segment_id": number + 1,
        "times_s": (_TIMES_S + start_s).tobytes(),
        "unique_index": _UNIQUE_INDEX,
        "embeddings": pack(_FRAME_LENGTH * vector + spread),
    }


def _spreads(dim: int) -> Vectors:
    """What tells frames from their segment: (ways, frames, dim)."""
    random = np.random.default_rng(3)
    shape = (_SPREADS, FRAMES_PER_SEGMENT, dim)
    directions = random.standard_normal(shape, dtype=np.float32)
    return _FRAME_LENGTH * _FRAME_SPREAD * unit(directions)
