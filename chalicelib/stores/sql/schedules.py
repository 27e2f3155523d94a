"""ScheduleStore over SQL."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from sqlalchemy import Connection, select, update

from chalicelib.core.schedules import Slot
from chalicelib.errors import Conflict
from chalicelib.stores.rows import plain, read
from chalicelib.stores.sql.database import Database, insert_if_new, row_of
from chalicelib.stores.sql.models import SlotRow

SLOTS = SlotRow.__table__


class SqlSchedules:
    """See `chalicelib.ports.ScheduleStore`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, name: str) -> Slot:
        """See `ScheduleStore.get`."""
        statement = select(SLOTS).where(SlotRow.name == name)
        row = self._db.run(lambda connection: connection.execute(statement).mappings().one_or_none())
        return Slot(name) if row is None else read(dict(row), Slot)

    def replace(self, before: Slot, after: Slot) -> Slot:
        """See `ScheduleStore.replace`."""
        return self._db.commit(partial(_replace, before, after), partial(_written_by, before.name))


def _replace(before: Slot, after: Slot, connection: Connection, stamp: str) -> Slot:
    stored = replace(after, version=before.version + 1)
    row = row_of(SlotRow, {**plain(stored), "stamp": stamp})
    unchanged = update(SlotRow).where(SlotRow.name == before.name, SlotRow.version == before.version).values(row)
    # Version 0 is the one that was never stored.
    done = connection.execute(unchanged).rowcount == 1 if before.version else insert_if_new(connection, SlotRow, row)
    if not done:
        raise Conflict("Somebody else changed this schedule first.", name=before.name)
    return stored


def _written_by(name: str, connection: Connection, stamp: str) -> Slot | None:
    statement = select(SLOTS).where(SlotRow.name == name, SlotRow.stamp == stamp)
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else read(dict(row), Slot)
