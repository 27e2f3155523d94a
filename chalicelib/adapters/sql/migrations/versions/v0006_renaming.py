"""Which rename a collection takes part in.

Workers from before this migration go on beside the new ones: they know nothing of the column, and have '' put into it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column."""
    op.add_column("collections", sa.Column("renaming", sa.Text(), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("collections", "renaming")
