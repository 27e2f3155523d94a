"""What people say of collections: their titles and descriptions, and those that have no image yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table; collections of before have no row, which says nothing of them."""
    op.create_table(
        "collections",
        sa.Column("collection", _words, primary_key=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    """Drop the table, with all that is in it."""
    op.drop_table("collections")
