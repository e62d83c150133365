"""Tags: vocabularies, labels, and what model and people say"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def big_integer() -> sa.types.TypeEngine[int]:
    """64 bits everywhere; SQLite counts its own row ids only in a column called INTEGER."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "spaces", sa.Column("tagging", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        "vocabularies",
        sa.Column("id", big_integer(), nullable=False),
        sa.Column("space_id", big_integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("file", sa.LargeBinary(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("templates", sa.JSON(), nullable=False),
        sa.Column("text_digest", sa.String(length=32), nullable=False),
        sa.Column("neutral", sa.LargeBinary(), nullable=False),
        sa.Column("floors", sa.LargeBinary(), nullable=False),
        sa.Column("floor_segments", big_integer(), nullable=False),
        sa.Column("logit_scale", sa.Double(), nullable=False),
        sa.Column("calibration_scale", sa.Double(), nullable=False),
        sa.Column("calibration_offset", sa.Double(), nullable=False),
        sa.Column("min_probability", sa.Double(), nullable=False),
        sa.Column("most", big_integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["space_id"], ["spaces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_vocabularies_space_id", "vocabularies", ["space_id"])
    op.create_table(
        "labels",
        sa.Column("id", big_integer(), nullable=False),
        sa.Column("vocabulary_id", big_integer(), nullable=False),
        sa.Column("position", big_integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["vocabulary_id"], ["vocabularies.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("vocabulary_id", "position"),
    )
    op.create_table(
        "tags",
        sa.Column("segment_id", big_integer(), nullable=False),
        sa.Column("label_id", big_integer(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["label_id"], ["labels.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("segment_id", "label_id"),
    )
    op.create_index("ix_tags_label_id", "tags", ["label_id"])
    op.create_table(
        "corrections",
        sa.Column("id", big_integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=40), nullable=False),
        sa.Column("start_s", sa.Double(), nullable=False),
        sa.Column("end_s", sa.Double(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("said_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("content_hash", "start_s", "end_s", "label"),
    )
