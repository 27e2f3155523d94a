"""The kinds of columns that our tables have."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import JSON, DateTime, Dialect, Text, TypeDecorator

from chalicelib.stores.rows import moment


class Moment(TypeDecorator[str]):
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
        return moment(value if value.tzinfo else value.replace(tzinfo=UTC))


# Text that sorts by code point on every server, as the ports promise, whatever its locale.
Words = Text().with_variant(Text(collation="C"), "postgresql")
Json = JSON(none_as_null=True)
