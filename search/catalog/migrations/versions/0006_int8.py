"""Picture towers in int8"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("spaces", sa.Column("int8", sa.String(length=32), nullable=True))
