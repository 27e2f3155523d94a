"""ScheduleStore over DynamoDB."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.core.schedules import Slot
from chalicelib.errors import Conflict
from chalicelib.stores.dynamodb import keys
from chalicelib.stores.dynamodb.requests import Condition, Put
from chalicelib.stores.dynamodb.table import Table
from chalicelib.stores.rows import plain, read


class DynamoSchedules:
    """See `chalicelib.ports.ScheduleStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, name: str) -> Slot:
        """See `ScheduleStore.get`."""
        item = self._table.get(keys.schedule(name))
        return Slot(name) if item is None else read(item, Slot)

    def replace(self, before: Slot, after: Slot) -> Slot:
        """See `ScheduleStore.replace`."""
        changed = Conflict("Somebody else changed this schedule first.", name=before.name)
        stored = replace(after, version=before.version + 1)
        unchanged = Condition.version(before.version, lambda: changed)
        # Version 0 is the one that was never stored.
        condition = unchanged if before.version else Condition.absent(lambda: changed)
        self._table.commit(Put({**keys.schedule(before.name), **plain(stored)}, condition))
        return stored
