"""Versions of tokens, so that two changes of one token cannot undo each other.

Workers from before this migration go on beside the new ones: they know nothing of the column, and have 0 put into it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column."""
    op.add_column("tokens", sa.Column("version", sa.Integer(), nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("tokens", "version")
