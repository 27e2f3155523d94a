"""The audit log: who has changed what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.admin.model import AuditEntry
from chalicelib.paging import Page
from chalicelib.ports import AuditStore, Clock

_LONGEST = 300
"""Characters of a target: a line of a log, not a copy of the request."""


@dataclass(frozen=True)
class Audit:
    """Writes down changes and tells of them."""

    store: AuditStore
    clock: Clock
    new_id: Callable[[], str]

    def note(self, action: str, target: str, *, actor: str, token_id: str) -> AuditEntry:
        """Write down a change that has just been made."""
        entry = AuditEntry(self.new_id(), self.clock.now(), actor, token_id, action, target[:_LONGEST])
        self.store.add(entry)
        return entry

    def page(self, limit: int, cursor: str | None) -> Page[AuditEntry]:
        """Entries, newest first."""
        return self.store.page(limit, cursor)
