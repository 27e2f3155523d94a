"""Column types and tables. `migrations` creates the tables; a test compares both."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, ForeignKey, Index, Text, TypeDecorator, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chalicelib.adapters.records import encode_time


class Timestamp(TypeDecorator[str]):
    """Time: UTC text in Python, a native timestamp in the database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # its form
        """Convert text to a UTC datetime. SQLite has no time zones and stores the UTC time."""
        return None if value is None else datetime.fromisoformat(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # its form
        """Convert a datetime of any time zone to text; one without a time zone (SQLite) is in UTC."""
        if value is None:
            return None
        return encode_time(value if value.tzinfo else value.replace(tzinfo=UTC))


# Text that sorts by code point in every locale of the server, as the ports require.
CodePointText = Text().with_variant(Text(collation="C"), "postgresql")
Json = JSON(none_as_null=True)


class Base(DeclarativeBase):
    """Base class of all tables."""


def _where(condition: str, name: str, *columns: str, unique: bool = False, sqlite: str | None = None) -> Index:
    """Create a partial index. SQLite uses it only if a query contains the same condition, word for word."""
    return Index(
        name, *columns, unique=unique, postgresql_where=text(condition), sqlite_where=text(sqlite or condition)
    )


class TaskRow(Base):
    """One task: the fields of `Task`, and columns for lists."""

    __tablename__ = "tasks"

    task_id: Mapped[str] = mapped_column(CodePointText, primary_key=True)
    type: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    created_at: Mapped[str] = mapped_column(Timestamp)
    subject: Mapped[dict[str, Any]] = mapped_column(Json)
    args: Mapped[dict[str, Any]] = mapped_column(Json)
    progress: Mapped[dict[str, Any]] = mapped_column(Json)
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)
    error: Mapped[dict[str, Any] | None] = mapped_column(Json)
    attempts: Mapped[int]
    max_attempts: Mapped[int]
    queued_at: Mapped[str | None] = mapped_column(Timestamp)
    started_at: Mapped[str | None] = mapped_column(Timestamp)
    finished_at: Mapped[str | None] = mapped_column(Timestamp)
    expires_at: Mapped[str | None] = mapped_column(Timestamp)
    owner: Mapped[str | None] = mapped_column(Text)
    lease_until: Mapped[str | None] = mapped_column(Timestamp)
    parent_id: Mapped[str | None] = mapped_column(CodePointText)
    index: Mapped[int | None]
    children: Mapped[int]
    cancel_requested: Mapped[bool]
    version: Mapped[int]

    collection: Mapped[str | None] = mapped_column(Text)
    is_final: Mapped[bool]
    place: Mapped[int]
    """The task's index, 0 for none."""
    stamp: Mapped[str] = mapped_column(Text)
    """Stamp of the call that wrote this version; see `database.SqlDatabase.commit`."""

    __table_args__ = (
        Index("tasks_history", "created_at", "task_id"),
        _where("NOT is_final", "tasks_active", "created_at", "task_id", sqlite="is_final = 0"),
        Index("tasks_status", "status", "created_at", "task_id"),
        Index("tasks_collection", "collection", "created_at", "task_id"),
        Index("tasks_children", "parent_id", "place", "task_id"),
        Index("tasks_expiry", "expires_at"),
    )


class ChildCountsRow(Base):
    """One shard of a parent's `ChildCounts`, kept up to date by triggers (migration 0003)."""

    __tablename__ = "tallies"

    parent_id: Mapped[str] = mapped_column(CodePointText, primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    succeeded: Mapped[int]
    failed: Mapped[int]
    cancelled: Mapped[int]


class ImageRow(Base):
    """One image: the fields of `Image`."""

    __tablename__ = "images"

    image_id: Mapped[str] = mapped_column(CodePointText, primary_key=True)
    collection: Mapped[str] = mapped_column(CodePointText)
    name: Mapped[str] = mapped_column(CodePointText)
    filename: Mapped[str] = mapped_column(Text)
    picture: Mapped[dict[str, Any]] = mapped_column(Json)
    original_key: Mapped[str] = mapped_column(Text)
    recipe: Mapped[str] = mapped_column(Text)
    task_id: Mapped[str] = mapped_column(Text)
    created_at: Mapped[str] = mapped_column(Timestamp)
    version: Mapped[int]
    trashed_at: Mapped[str | None] = mapped_column(Timestamp)
    optimized: Mapped[str] = mapped_column(Text)
    rendition_bytes: Mapped[int] = mapped_column(BigInteger)
    focal_point: Mapped[list[float] | None] = mapped_column(Json)

    stamp: Mapped[str] = mapped_column(Text)
    """Stamp of the call that revised it last; empty for none."""

    # An image in the trash reserves no name and is in no list.
    __table_args__ = (
        _where("trashed_at IS NULL", "images_name", "collection", "name", unique=True),
        _where("trashed_at IS NULL", "images_collection", "collection", "created_at", "image_id"),
        _where("trashed_at IS NOT NULL", "images_trash", "trashed_at", "image_id"),
    )


class DigestRow(Base):
    """First image with these bytes. It is a separate table, because a collection may contain duplicates on request."""

    __tablename__ = "digests"

    collection: Mapped[str] = mapped_column(CodePointText, primary_key=True)
    sha256: Mapped[str] = mapped_column(CodePointText, primary_key=True)
    image_id: Mapped[str] = mapped_column(Text)


class RenditionRow(Base):
    """One rendition: the fields of `Rendition`."""

    __tablename__ = "renditions"

    image_id: Mapped[str] = mapped_column(
        CodePointText, ForeignKey("images.image_id", name="renditions_image"), primary_key=True
    )
    size: Mapped[str] = mapped_column(CodePointText, primary_key=True)
    format: Mapped[str] = mapped_column(CodePointText, primary_key=True)
    key: Mapped[str] = mapped_column(Text)
    width: Mapped[int]
    height: Mapped[int]
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Text)
    recipe: Mapped[str] = mapped_column(Text)


class StatsRow(Base):
    """One shard of a collection's counters."""

    __tablename__ = "stats"

    collection: Mapped[str] = mapped_column(CodePointText, primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    images: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    rendition_bytes: Mapped[int] = mapped_column(BigInteger)
    moves: Mapped[int] = mapped_column(BigInteger)
    """Number of changes of this row."""
    stamp: Mapped[str] = mapped_column(Text)
    """Stamp of the call that corrected it last; empty for none."""
    private: Mapped[bool | None]
    """Privacy of the collection, the same in each of its rows; NULL if it is not set."""


class CollectionRow(Base):
    """Title and description of one collection: the fields of `CollectionInfo`."""

    __tablename__ = "collections"

    collection: Mapped[str] = mapped_column(CodePointText, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    renaming: Mapped[str] = mapped_column(Text, server_default=text("''"))
    privacy_task: Mapped[str] = mapped_column(Text, server_default=text("''"))
    stamp: Mapped[str] = mapped_column(Text)
    """Stamp of the call that wrote this version."""


class ScheduleRow(Base):
    """Status of one schedule: the fields of `ScheduleStatus`."""

    __tablename__ = "schedules"

    name: Mapped[str] = mapped_column(CodePointText, primary_key=True)
    enabled: Mapped[bool]
    last_task_id: Mapped[str | None] = mapped_column(Text)
    last_started_at: Mapped[str | None] = mapped_column(Timestamp)
    last_period: Mapped[str | None] = mapped_column(Timestamp)
    since: Mapped[str | None] = mapped_column(Timestamp)
    version: Mapped[int]
    stamp: Mapped[str] = mapped_column(Text)
    """Stamp of the call that wrote this version."""


class ExpiringRow(Base):
    """One record that expires: the fields of `ExpiringRecord`."""

    __tablename__ = "expiring"

    key: Mapped[str] = mapped_column(CodePointText, primary_key=True)
    count: Mapped[int]
    until: Mapped[str | None] = mapped_column(Timestamp)
    version: Mapped[int]
    stamp: Mapped[str] = mapped_column(Text)
    """Stamp of the call that wrote this version."""

    __table_args__ = (Index("expiring_until", "until"),)


class AuditRow(Base):
    """One entry of the audit log: the fields of `AuditEntry`."""

    __tablename__ = "audit"

    entry_id: Mapped[str] = mapped_column(CodePointText, primary_key=True)
    at: Mapped[str] = mapped_column(Timestamp)
    actor: Mapped[str] = mapped_column(Text)
    token_id: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    target: Mapped[str] = mapped_column(Text)

    __table_args__ = (Index("audit_time", "at", "entry_id"),)


class TokenRow(Base):
    """One token: the fields of `Token`."""

    __tablename__ = "tokens"

    digest: Mapped[str] = mapped_column(CodePointText, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(Json)
    created_at: Mapped[str] = mapped_column(Timestamp)
    expires_at: Mapped[str | None] = mapped_column(Timestamp)
    revoked_at: Mapped[str | None] = mapped_column(Timestamp)
    last_used_at: Mapped[str | None] = mapped_column(Timestamp)
    stamp: Mapped[str] = mapped_column(Text)
    """Stamp of the call that added or revised it."""
    version: Mapped[int] = mapped_column(server_default=text("0"))
