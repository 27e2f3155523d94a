"""How moments are written for programs: as the API does (`chalicelib.core.moments`), whose code a client has not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def written(at: datetime) -> str:
    """RFC 3339 in UTC, with `Z` and three digits of milliseconds: `2026-03-04T12:00:00.000Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def with_written(value: Any) -> Any:  # noqa: ANN401  # plain JSON, but for the moments
    """Plain values with every moment, at any depth, as `written` writes it."""
    if isinstance(value, datetime):
        return written(value)
    if isinstance(value, dict):
        return {name: with_written(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [with_written(one) for one in value]
    return value
