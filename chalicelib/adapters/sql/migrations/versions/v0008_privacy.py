"""Whether a collection is private, beside the counters that every publication moves.

Workers from before this migration go on beside the new ones: they know nothing of the column, and publish without
asking it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column."""
    op.add_column("stats", sa.Column("private", sa.Boolean(), nullable=True))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("stats", "private")
