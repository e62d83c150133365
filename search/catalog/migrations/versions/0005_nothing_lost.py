"""Files out of reach, and videos that no file holds any more"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("paths", sa.Column("closed_since", sa.DateTime(), nullable=True))
    op.create_index("ix_paths_closed_since", "paths", ["closed_since"])
    op.add_column("videos", sa.Column("orphaned_since", sa.DateTime(), nullable=True))
    op.create_index("ix_videos_orphaned_since", "videos", ["orphaned_since"])
