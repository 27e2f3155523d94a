"""ScheduleStore in memory."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.core.schedules import Slot
from chalicelib.errors import Conflict
from chalicelib.stores.memory.database import Database


class MemorySchedules:
    """See `chalicelib.ports.ScheduleStore`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, name: str) -> Slot:
        """See `ScheduleStore.get`."""
        with self._db.lock:
            return self._db.slots.get(name, Slot(name))

    def replace(self, before: Slot, after: Slot) -> Slot:
        """See `ScheduleStore.replace`."""
        with self._db.lock:
            if self._db.slots.get(before.name, Slot(before.name)).version != before.version:
                raise Conflict("Somebody else changed this schedule first.", name=before.name)
            stored = replace(after, version=before.version + 1)
            self._db.slots[before.name] = stored
            return stored
