"""Sketches of segments"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "sketches",
        sa.Column(
            "segment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("recipe_key", sa.String(length=32), nullable=False),
        sa.Column("recipe", sa.JSON(), nullable=False),
        sa.Column("points", sa.LargeBinary(), nullable=False),
        sa.Column("half_widths", sa.LargeBinary(), nullable=False),
        sa.Column("opacities", sa.LargeBinary(), nullable=False),
        sa.Column("gains", sa.LargeBinary(), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        *(
            sa.Column(name, sa.Double(), nullable=False)
            for name in ("loss_total", "loss_semantic", "loss_geometric")
        ),
        *(
            sa.Column(name, sa.Double(), nullable=False)
            for name in ("left", "top", "width", "height")
        ),
        sa.Column("frame_times_s", sa.LargeBinary(), nullable=True),
        sa.Column("frame_points", sa.LargeBinary(), nullable=True),
        sa.Column("frame_half_widths", sa.LargeBinary(), nullable=True),
        sa.Column("frame_opacities", sa.LargeBinary(), nullable=True),
        sa.Column("drawn_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("segment_id"),
    )
    op.create_index("ix_sketches_recipe_key", "sketches", ["recipe_key"])
