"""Conversion of JSON values and times.

msgspec analyses a type at its first use. Two threads that did so concurrently ended their process once (a segmentation
fault in a long threaded run, msgspec 0.22, not reproduced since), so one thread at a time converts to a new type; later
conversions run in parallel.
"""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Lock
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_known_types: set[object] = set()
_first_use = Lock()


def convert(value: object, kind: type[T]) -> T:
    """Convert the value to this type; see `msgspec.convert`.

    Raises: msgspec.ValidationError.
    """
    if kind in _known_types:
        return msgspec.convert(value, kind)
    with _first_use:
        try:
            return msgspec.convert(value, kind)
        finally:
            _known_types.add(kind)


def is_met(kind: object) -> bool:
    """True if the type was converted to before, so that no conversion waits."""
    return kind in _known_types


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
