"""Focal points of images.

Workers from before this migration go on beside the new ones: they know nothing of the column, and leave it as it is.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column."""
    op.add_column("images", sa.Column("focal_point", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("images", "focal_point")
