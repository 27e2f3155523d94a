"""AuditStore in memory."""

from __future__ import annotations

from operator import itemgetter

from chalicelib.core.audit import Entry
from chalicelib.core.paging import Page
from chalicelib.stores.memory.database import Database
from chalicelib.stores.pages import after_time, page_of, place_in_time


class MemoryAudit:
    """See `chalicelib.ports.AuditStore`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, entry: Entry) -> None:
        """See `AuditStore.add`."""
        with self._db.lock:
            self._db.audit[entry.entry_id] = entry

    def page(self, limit: int, cursor: str | None = None) -> Page[Entry]:
        """See `AuditStore.page`."""
        start = after_time(cursor) or "~"
        with self._db.lock:
            placed = [(place_in_time(entry.at, entry.entry_id), entry) for entry in self._db.audit.values()]
        newest_first = sorted(placed, key=itemgetter(0), reverse=True)
        return page_of((one for one in newest_first if one[0] < start), limit)
