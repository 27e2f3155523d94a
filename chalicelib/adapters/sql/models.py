"""Column types and tables. `migrations` creates them; a test compares both."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, ForeignKey, Index, Text, TypeDecorator, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chalicelib.adapters.records import encode_time


class Timestamp(TypeDecorator[str]):
    """A moment as our rows have it (UTC text) in Python, as a time of the database's own in the database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # its form
        """Text in, a UTC datetime out; SQLite knows no time zones and keeps the digits."""
        return None if value is None else datetime.fromisoformat(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # its form
        """A datetime of any zone in (SQLite: none, then it is UTC), text out."""
        if value is None:
            return None
        return encode_time(value if value.tzinfo else value.replace(tzinfo=UTC))


# Text that sorts by code point on every server, as the ports promise, whatever its locale.
CodePointText = Text().with_variant(Text(collation="C"), "postgresql")
Json = JSON(none_as_null=True)


class Base(DeclarativeBase):
    """All our tables."""


def _where(condition: str, name: str, *columns: str, unique: bool = False, sqlite: str | None = None) -> Index:
    """An index of those rows only. SQLite sees that it serves a query only by the very words of the query."""
    return Index(
        name, *columns, unique=unique, postgresql_where=text(condition), sqlite_where=text(sqlite or condition)
    )


class TaskRow(Base):
    """One task: the fields of `Task`, and beside them what lists look for."""

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
    """The index, 0 where there is none."""
    stamp: Mapped[str] = mapped_column(Text)
    """Which call wrote this version; see `database.Database.commit`."""

    __table_args__ = (
        Index("tasks_history", "created_at", "task_id"),
        _where("NOT is_final", "tasks_active", "created_at", "task_id", sqlite="is_final = 0"),
        Index("tasks_status", "status", "created_at", "task_id"),
        Index("tasks_collection", "collection", "created_at", "task_id"),
        Index("tasks_children", "parent_id", "place", "task_id"),
        Index("tasks_expiry", "expires_at"),
    )


class ChildCountsRow(Base):
    """Part of a parent's `ChildCounts`, kept up to date by triggers (see migration 0003)."""

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

    stamp: Mapped[str] = mapped_column(Text)
    """Which call revised it last; empty for none."""

    # What lies in the trash holds no name and stands in no list.
    __table_args__ = (
        _where("trashed_at IS NULL", "images_name", "collection", "name", unique=True),
        _where("trashed_at IS NULL", "images_collection", "collection", "created_at", "image_id"),
        _where("trashed_at IS NOT NULL", "images_trash", "trashed_at", "image_id"),
    )


class DigestRow(Base):
    """Which image had these bytes first; not a column of images, because bytes may repeat where that is wanted."""

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
    """How often this row has changed."""
    stamp: Mapped[str] = mapped_column(Text)
    """Which call corrected it last; empty for none."""
    private: Mapped[bool | None]
    """What was settled of the collection, the same in each of its rows; NULL for nothing."""


class CollectionRow(Base):
    """What is said of one collection: the fields of `About`."""

    __tablename__ = "collections"

    collection: Mapped[str] = mapped_column(CodePointText, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    renaming: Mapped[str] = mapped_column(Text, server_default=text("''"))
    stamp: Mapped[str] = mapped_column(Text)
    """Which call wrote this version."""


class ScheduleRow(Base):
    """What one schedule has done last: the fields of `Slot`."""

    __tablename__ = "schedules"

    name: Mapped[str] = mapped_column(CodePointText, primary_key=True)
    enabled: Mapped[bool]
    last_task_id: Mapped[str | None] = mapped_column(Text)
    last_started_at: Mapped[str | None] = mapped_column(Timestamp)
    last_period: Mapped[str | None] = mapped_column(Timestamp)
    since: Mapped[str | None] = mapped_column(Timestamp)
    version: Mapped[int]
    stamp: Mapped[str] = mapped_column(Text)
    """Which call wrote this version."""


class ExpiringRow(Base):
    """One record that expires: the fields of `ExpiringRecord`."""

    __tablename__ = "expiring"

    key: Mapped[str] = mapped_column(CodePointText, primary_key=True)
    count: Mapped[int]
    until: Mapped[str | None] = mapped_column(Timestamp)
    version: Mapped[int]
    stamp: Mapped[str] = mapped_column(Text)
    """Which call wrote this version."""

    __table_args__ = (Index("expiring_until", "until"),)


class AuditRow(Base):
    """One entry of the audit log: the fields of `Entry`."""

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
    """Which call added or revised it."""
    version: Mapped[int] = mapped_column(server_default=text("0"))
