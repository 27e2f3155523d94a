"""Audit log: which token has changed what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.admin.model import AuditEntry
from chalicelib.paging import Page
from chalicelib.ports import AuditStore, Clock

_TARGET_LENGTH = 300
"""Most characters of a target that are stored."""


@dataclass(frozen=True)
class Audit:
    """Records changes and lists them."""

    store: AuditStore
    clock: Clock
    new_id: Callable[[], str]

    def note(self, action: str, target: str, *, actor: str, token_id: str) -> AuditEntry:
        """Record a change that has just been made; a target longer than 300 characters is cut."""
        entry = AuditEntry(self.new_id(), self.clock.now(), actor, token_id, action, target[:_TARGET_LENGTH])
        self.store.add(entry)
        return entry

    def page(self, limit: int, cursor: str | None) -> Page[AuditEntry]:
        """Return a page of entries, newest first."""
        return self.store.page(limit, cursor)
