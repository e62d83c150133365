"""The tables. SQL is the truth: everything else in a library can be made again from here.

Those of tags are in `search.catalog.tag_tables`.
"""

import os
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    TypeDecorator,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Status(StrEnum):
    """Where a file stands."""

    WAITING = "waiting"
    INDEXED = "indexed"
    FAILED = "failed"


class FilePath(TypeDecorator[Path]):
    """A path as the bytes the file system uses: a name may be anything but UTF-8."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Path | None, dialect: Any) -> bytes | None:
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: bytes | None, dialect: Any) -> Path | None:
        return None if value is None else Path(os.fsdecode(value))


def now() -> datetime:
    """The present moment in UTC, without a zone, as it is stored."""
    return datetime.now(UTC).replace(tzinfo=None)


class Base(DeclarativeBase):
    """What all tables share: how Python's types are stored."""

    type_annotation_map = {
        # File sizes and nanoseconds need 64 bits; SQLite's own integers have them.
        int: BigInteger().with_variant(Integer, "sqlite"),
        Path: FilePath,
        dict[str, Any]: JSON,
        list[str]: JSON,
        Status: String(16),
    }


class Video(Base):
    """One file's content. The row exists only when the video is wholly indexed."""

    __tablename__ = "videos"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(40), unique=True)
    size_bytes: Mapped[int]
    container: Mapped[str]
    codec: Mapped[str]
    duration_s: Mapped[float]
    width: Mapped[int]
    height: Mapped[int]
    rotation: Mapped[int]
    average_rate: Mapped[float | None]
    start_offset_s: Mapped[float]  # what a browser's clock lacks of ours; mostly 0
    recorded_at: Mapped[datetime | None]  # what the clock of the place showed
    frames_sampled: Mapped[int]
    bad_frames: Mapped[int]
    indexed_at: Mapped[datetime] = mapped_column(default=now)
    # Since when no path holds this content: what was encoded is kept for a time.
    orphaned_since: Mapped[datetime | None] = mapped_column(index=True)

    paths: Mapped[list["VideoPath"]] = relationship(back_populates="video")
    segments: Mapped[list["Segment"]] = relationship(back_populates="video")


class VideoPath(Base):
    """A file that was found: where it is, what it holds, and why it failed if it did.

    Size and time are those of the content that was last read to its end: a file that has others
    now is looked at again, and holds the old video until its new content is known.
    """

    __tablename__ = "paths"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[Path] = mapped_column(unique=True)
    size_bytes: Mapped[int]
    mtime_ns: Mapped[int]
    status: Mapped[Status] = mapped_column(default=Status.WAITING, index=True)
    video_id: Mapped[int | None] = mapped_column(
        ForeignKey("videos.id", ondelete="SET NULL"), index=True
    )
    missing_since: Mapped[datetime | None]  # a folder that was seen does not hold it any more
    # It was there and could not be read: nothing is known of it but that.
    closed_since: Mapped[datetime | None] = mapped_column(index=True)
    stage: Mapped[str | None] = mapped_column(String(32))
    reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    tried_at: Mapped[datetime | None]

    video: Mapped[Video | None] = relationship(back_populates="paths")


class Space(Base):
    """A model with its head and sampling. Embeddings of two spaces are never compared."""

    __tablename__ = "spaces"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    model: Mapped[str]
    pretrained: Mapped[str | None]
    weights: Mapped[Path | None]
    weights_digest: Mapped[str] = mapped_column(String(32))
    # The digest of the visual tower alone. None in a space of an older program, until it is next
    # indexed.
    frames_digest: Mapped[str | None] = mapped_column(String(32))
    preprocessing: Mapped[dict[str, Any]]
    # The digest of the library's own picture tower in int8; None where the model's own encodes.
    int8: Mapped[str | None] = mapped_column(String(32))
    head: Mapped[str]
    head_file: Mapped[Path | None]  # None for meanP, and for the head that ships with its model
    head_digest: Mapped[str | None] = mapped_column(String(32))
    sampling: Mapped[dict[str, Any]]
    dim: Mapped[int]
    active: Mapped[bool] = mapped_column(default=False)
    # Whether tags are made from the embeddings of this space, which an action head gave.
    tagging: Mapped[bool] = mapped_column(default=False, server_default=false())
    # Counts the transactions that changed what a search may return: a vector index that
    # carries the same number is up to date.
    revision: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Segment(Base):
    """A span of a video within one shot. Its id is also its id in the vector index."""

    __tablename__ = "segments"
    __table_args__ = (
        UniqueConstraint("video_id", "position"),
        {"sqlite_autoincrement": True},  # the id of a deleted segment is never used again
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    position: Mapped[int]
    start_s: Mapped[float]
    end_s: Mapped[float]
    keyframe_s: Mapped[float]

    video: Mapped[Video] = relationship(back_populates="segments")
    frames: Mapped["SegmentFrames"] = relationship(back_populates="segment")
    embeddings: Mapped[list["SegmentEmbedding"]] = relationship()


class SegmentFrames(Base):
    """The frame embeddings of a segment, un-normalised, kept so that nothing is decoded again."""

    __tablename__ = "segment_frames"

    segment_id: Mapped[int] = mapped_column(
        ForeignKey("segments.id", ondelete="CASCADE"), primary_key=True
    )
    times_s: Mapped[bytes] = mapped_column(LargeBinary)  # float64, one a sampled frame
    unique_index: Mapped[bytes] = mapped_column(LargeBinary)  # uint16: its row in `embeddings`
    embeddings: Mapped[bytes] = mapped_column(LargeBinary)  # float16 (unique frames, dim)

    segment: Mapped[Segment] = relationship(back_populates="frames")


class SegmentEmbedding(Base):
    """What a search compares with: a unit vector for a segment in a space.

    A space holds all segments of a video or none.
    """

    __tablename__ = "segment_embeddings"

    # The space comes first, so that the key's own index lists the segments of a space.
    space_id: Mapped[int] = mapped_column(
        ForeignKey("spaces.id", ondelete="CASCADE"), primary_key=True
    )
    segment_id: Mapped[int] = mapped_column(
        ForeignKey("segments.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    embedding: Mapped[bytes] = mapped_column(LargeBinary)  # float16 (dim,)


class SegmentSketch(Base):
    """The sketch of a segment, and its animation where one was drawn.

    Lengths are pixels of the canvas on which the sketch was drawn. Arrays are float32.
    """

    __tablename__ = "sketches"

    segment_id: Mapped[int] = mapped_column(
        ForeignKey("segments.id", ondelete="CASCADE"), primary_key=True
    )
    # A digest of `recipe`: how the sketch was made, model and all.
    recipe_key: Mapped[str] = mapped_column(String(32), index=True)
    recipe: Mapped[dict[str, Any]]
    points: Mapped[bytes] = mapped_column(LargeBinary)  # (strokes, 4, 2), in drawing order
    half_widths: Mapped[bytes] = mapped_column(LargeBinary)  # (strokes,)
    opacities: Mapped[bytes] = mapped_column(LargeBinary)  # (strokes,)
    gains: Mapped[bytes] = mapped_column(LargeBinary)  # (strokes,)
    groups: Mapped[list[str]]  # what each stroke belongs to
    loss_total: Mapped[float]
    loss_semantic: Mapped[float]
    loss_geometric: Mapped[float]
    # When in the video the picture is seen that was drawn; None for the keyframe.
    frame_s: Mapped[float | None]
    # Where that picture lies on the canvas; the rest is padding.
    left: Mapped[float]
    top: Mapped[float]
    width: Mapped[float]
    height: Mapped[float]
    # The same strokes at several times of the segment; all None without an animation.
    frame_times_s: Mapped[bytes | None] = mapped_column(LargeBinary)  # float64 (frames,)
    frame_points: Mapped[bytes | None] = mapped_column(LargeBinary)  # (frames, strokes, 4, 2)
    frame_half_widths: Mapped[bytes | None] = mapped_column(LargeBinary)  # (frames, strokes)
    frame_opacities: Mapped[bytes | None] = mapped_column(LargeBinary)  # (frames, strokes)
    drawn_at: Mapped[datetime] = mapped_column(default=now)  # also of a later animation
