"""The first tables: tasks, images with their claims, renditions and statistics, tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# A migration says what was true when it was written, so it repeats the types instead of importing today's.
_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _make_tasks()
    _make_images()
    _make_renditions()
    _make_stats()
    _make_schedules()
    _make_tokens()


def downgrade() -> None:
    """Drop the tables, with all that is in them."""
    for table in ("tokens", "schedules", "stats", "renditions", "digests", "images", "tasks"):
        op.drop_table(table)


def _make_tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("task_id", _words, primary_key=True),
        *_texts("type", "status", "stamp"),
        *_texts("owner", "collection", nullable=True),
        sa.Column("created_at", _moment, nullable=False),
        *(sa.Column(f"{name}_at", _moment) for name in ("queued", "started", "finished", "expires")),
        sa.Column("lease_until", _moment),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("subject", "args", "progress")),
        *(sa.Column(name, sa.JSON()) for name in ("result", "error")),
        *_numbers("attempts", "max_attempts", "children", "version", "place"),
        sa.Column("parent_id", _words),
        sa.Column("index", sa.Integer()),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("is_final", sa.Boolean(), nullable=False),
    )
    by_time = ["created_at", "task_id"]
    op.create_index("tasks_history", "tasks", by_time)
    _index_where("NOT is_final", "tasks_active", "tasks", *by_time, sqlite="is_final = 0")
    op.create_index("tasks_status", "tasks", ["status", *by_time])
    op.create_index("tasks_collection", "tasks", ["collection", *by_time])
    op.create_index("tasks_children", "tasks", ["parent_id", "place", "task_id"])
    op.create_index("tasks_expiry", "tasks", ["expires_at"])


def _make_images() -> None:
    op.create_table(
        "images",
        sa.Column("image_id", _words, primary_key=True),
        sa.Column("collection", _words, nullable=False),
        sa.Column("name", _words, nullable=False),
        *_texts("filename", "original_key", "recipe", "task_id"),
        sa.Column("picture", sa.JSON(), nullable=False),
        sa.Column("created_at", _moment, nullable=False),
        sa.Column("trashed_at", _moment),
        *_texts("optimized", "stamp"),
        *_numbers("version"),
        sa.Column("rendition_bytes", sa.BigInteger(), nullable=False),
    )
    shelved, trashed = "trashed_at IS NULL", "trashed_at IS NOT NULL"
    _index_where(shelved, "images_name", "images", "collection", "name", unique=True)
    _index_where(shelved, "images_collection", "images", "collection", "created_at", "image_id")
    _index_where(trashed, "images_trash", "images", "trashed_at", "image_id")
    op.create_table(
        "digests",
        sa.Column("collection", _words, primary_key=True),
        sa.Column("sha256", _words, primary_key=True),
        *_texts("image_id"),
    )


def _make_renditions() -> None:
    op.create_table(
        "renditions",
        sa.Column("image_id", _words, sa.ForeignKey("images.image_id", name="renditions_image"), primary_key=True),
        sa.Column("size", _words, primary_key=True),
        sa.Column("format", _words, primary_key=True),
        *_texts("key", "sha256", "recipe"),
        *_numbers("width", "height"),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
    )


def _make_stats() -> None:
    op.create_table(
        "stats",
        sa.Column("collection", _words, primary_key=True),
        sa.Column("shard", sa.Integer(), primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("images", "bytes", "rendition_bytes", "moves")),
        *_texts("stamp"),
    )


def _make_schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("name", _words, primary_key=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("last_task_id", sa.Text()),
        *(sa.Column(name, _moment) for name in ("last_started_at", "last_period", "since")),
        *_numbers("version"),
        *_texts("stamp"),
    )


def _make_tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("digest", _words, primary_key=True),
        *_texts("name", "stamp"),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", _moment, nullable=False),
        *(sa.Column(f"{name}_at", _moment) for name in ("expires", "revoked", "last_used")),
    )


def _index_where(  # an index, its rows, its table, its columns
    condition: str, name: str, table: str, *columns: str, unique: bool = False, sqlite: str | None = None
) -> None:
    op.create_index(
        name,
        table,
        list(columns),
        unique=unique,
        postgresql_where=sa.text(condition),
        sqlite_where=sa.text(sqlite or condition),
    )


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]
