"""Pages of a long list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items of one page, and the cursor of the next one if more may follow (opaque to clients)."""

    items: tuple[T, ...]
    next_cursor: str | None = None
