"""Records that are of use for a while: counted attempts, sessions that were ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "expiring",
        sa.Column("key", _words, primary_key=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
    )
    op.create_index("expiring_until", "expiring", ["until"])


def downgrade() -> None:
    """Drop the table, with all that is in it."""
    op.drop_table("expiring")
