"""Tasks that make a collection with images private or public.

Workers from before this migration go on beside the new ones: they know nothing of the column, and leave it as it is.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column."""
    op.add_column("collections", sa.Column("privacy_task", sa.Text(), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("collections", "privacy_task")
