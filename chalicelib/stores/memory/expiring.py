"""ExpiringStore in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chalicelib.core.expiring import ExpiringRecord
from chalicelib.errors import Conflict
from chalicelib.stores.memory.database import Database


class MemoryExpiring:
    """See `chalicelib.ports.ExpiringStore`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, key: str) -> ExpiringRecord:
        """See `ExpiringStore.get`."""
        with self._db.lock:
            return self._db.expiring.get(key, ExpiringRecord(key))

    def replace(self, before: ExpiringRecord, after: ExpiringRecord) -> ExpiringRecord:
        """See `ExpiringStore.replace`."""
        with self._db.lock:
            if self._db.expiring.get(before.key, ExpiringRecord(before.key)).version != before.version:
                raise Conflict("Somebody else changed this record first.")
            stored = replace(after, version=before.version + 1)
            self._db.expiring[before.key] = stored
            return stored

    def forget(self, now: datetime, limit: int) -> int:
        """See `ExpiringStore.forget`."""
        with self._db.lock:
            over = [key for key, one in self._db.expiring.items() if one.until is not None and one.until <= now]
            for key in over[:limit]:
                del self._db.expiring[key]
            return len(over[:limit])
