"""Pages of a long list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items and, where more may follow, the cursor that continues after them (opaque to clients)."""

    items: tuple[T, ...]
    next_cursor: str | None = None
