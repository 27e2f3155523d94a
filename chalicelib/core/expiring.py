"""Records that are of use for a while: counted attempts, sessions that were ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ExpiringRecord:
    """A number under a key until a moment; after that it means nothing, whether a store has forgotten it or not."""

    key: str
    count: int = 0
    until: datetime | None = None
    version: int = 0
    """Grows by one with each stored change."""

    def is_current(self, now: datetime) -> bool:
        """True for a record that was stored and has not expired."""
        return self.until is not None and now < self.until
