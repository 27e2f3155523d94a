"""The one form in which moments are written for clients: in answers, manifests, log lines and the terminal's JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def to_iso(at: datetime) -> str:
    """RFC 3339 in UTC, with `Z` and three digits of milliseconds: `2026-03-04T12:00:00.000Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def with_iso(value: Any) -> Any:  # noqa: ANN401  # plain JSON, but for the moments
    """Plain values with every moment, at any depth, as `to_iso` writes it."""
    if isinstance(value, datetime):
        return to_iso(value)
    if isinstance(value, dict):
        return {name: with_iso(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [with_iso(one) for one in value]
    return value
