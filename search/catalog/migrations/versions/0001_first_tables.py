"""First tables

Paths are the bytes that the file system uses.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def big_integer() -> sa.types.TypeEngine[int]:
    """64 bits everywhere; SQLite counts its own row ids only in a column called INTEGER."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _make_spaces()
    _make_videos()
    _make_segments()


def _make_spaces() -> None:
    op.create_table(
        "spaces",
        sa.Column("id", big_integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("pretrained", sa.String(), nullable=True),
        sa.Column("weights", sa.LargeBinary(), nullable=True),
        sa.Column("weights_digest", sa.String(length=32), nullable=False),
        sa.Column("preprocessing", sa.JSON(), nullable=False),
        sa.Column("head", sa.String(), nullable=False),
        sa.Column("sampling", sa.JSON(), nullable=False),
        sa.Column("dim", big_integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("revision", big_integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )


def _make_videos() -> None:
    op.create_table(
        "videos",
        sa.Column("id", big_integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=40), nullable=False),
        sa.Column("size_bytes", big_integer(), nullable=False),
        sa.Column("container", sa.String(), nullable=False),
        sa.Column("codec", sa.String(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("width", big_integer(), nullable=False),
        sa.Column("height", big_integer(), nullable=False),
        sa.Column("rotation", big_integer(), nullable=False),
        sa.Column("average_rate", sa.Double(), nullable=True),
        sa.Column("start_offset_s", sa.Double(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=True),
        sa.Column("frames_sampled", big_integer(), nullable=False),
        sa.Column("bad_frames", big_integer(), nullable=False),
        sa.Column("indexed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("content_hash"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "paths",
        sa.Column("id", big_integer(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", big_integer(), nullable=False),
        sa.Column("mtime_ns", big_integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("video_id", big_integer(), nullable=True),
        sa.Column("missing_since", sa.DateTime(), nullable=True),
        sa.Column("stage", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("attempts", big_integer(), nullable=False),
        sa.Column("tried_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("path"),
    )
    with op.batch_alter_table("paths", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_paths_status"), ["status"], unique=False)
        batch_op.create_index(batch_op.f("ix_paths_video_id"), ["video_id"], unique=False)


def _make_segments() -> None:
    op.create_table(
        "segments",
        sa.Column("id", big_integer(), nullable=False),
        sa.Column("video_id", big_integer(), nullable=False),
        sa.Column("position", big_integer(), nullable=False),
        sa.Column("start_s", sa.Double(), nullable=False),
        sa.Column("end_s", sa.Double(), nullable=False),
        sa.Column("keyframe_s", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("video_id", "position"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "segment_embeddings",
        sa.Column("space_id", big_integer(), nullable=False),
        sa.Column("segment_id", big_integer(), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["space_id"], ["spaces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("space_id", "segment_id"),
    )
    with op.batch_alter_table("segment_embeddings", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_segment_embeddings_segment_id"), ["segment_id"], unique=False
        )

    op.create_table(
        "segment_frames",
        sa.Column("segment_id", big_integer(), nullable=False),
        sa.Column("times_s", sa.LargeBinary(), nullable=False),
        sa.Column("unique_index", sa.LargeBinary(), nullable=False),
        sa.Column("embeddings", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("segment_id"),
    )
