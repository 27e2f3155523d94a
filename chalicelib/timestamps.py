"""Format of timestamps in responses, manifests, log lines and the CLI's JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def to_iso(at: datetime) -> str:
    """Format a time by RFC 3339, in UTC with milliseconds: `2026-03-04T12:00:00.000Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def with_iso(value: Any) -> Any:  # noqa: ANN401  # JSON with datetimes
    """Return a JSON value with every datetime, at any depth, formatted by `to_iso`."""
    if isinstance(value, datetime):
        return to_iso(value)
    if isinstance(value, dict):
        return {name: with_iso(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [with_iso(one) for one in value]
    return value
