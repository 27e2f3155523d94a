"""What to look for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TaskFilter:
    """Which tasks; what is None does not matter. `since` and `until` are ISO 8601 with a time zone."""

    state: str | None = None
    type: str | None = None
    collection: str | None = None
    parent: str | None = None
    since: str | None = None
    until: str | None = None
    text: str | None = None
