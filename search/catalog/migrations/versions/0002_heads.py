"""Which trained head a space was made with, and which visual tower"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("spaces", sa.Column("frames_digest", sa.String(length=32), nullable=True))
    op.add_column("spaces", sa.Column("head_file", sa.LargeBinary(), nullable=True))
    op.add_column("spaces", sa.Column("head_digest", sa.String(length=32), nullable=True))
