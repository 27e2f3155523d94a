"""The audit log: who has changed what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "audit",
        sa.Column("entry_id", _words, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("actor", "token_id", "action", "target")),
    )
    op.create_index("audit_time", "audit", ["at", "entry_id"])


def downgrade() -> None:
    """Drop the table, with all that is in it."""
    op.drop_table("audit")
