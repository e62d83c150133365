"""Which picture of a segment was drawn"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("sketches", sa.Column("frame_s", sa.Double(), nullable=True))
