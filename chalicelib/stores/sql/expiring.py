"""ExpiringStore over SQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, delete, select, update

from chalicelib.core.expiring import ExpiringRecord
from chalicelib.errors import Conflict
from chalicelib.stores.rows import moment, plain, read
from chalicelib.stores.sql.database import Database, insert_if_new, row_of
from chalicelib.stores.sql.models import ExpiringRow

RECORDS = ExpiringRow.__table__


class SqlExpiring:
    """See `chalicelib.ports.ExpiringStore`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, key: str) -> ExpiringRecord:
        """See `ExpiringStore.get`."""
        statement = select(RECORDS).where(ExpiringRow.key == key)
        row = self._db.run(lambda connection: connection.execute(statement).mappings().one_or_none())
        return ExpiringRecord(key) if row is None else read(dict(row), ExpiringRecord)

    def replace(self, before: ExpiringRecord, after: ExpiringRecord) -> ExpiringRecord:
        """See `ExpiringStore.replace`."""
        return self._db.commit(partial(_replace, before, after), partial(_written_by, before.key))

    def forget(self, now: datetime, limit: int) -> int:
        """See `ExpiringStore.forget`; what TTL does in DynamoDB."""
        over = select(ExpiringRow.key).where(ExpiringRow.until <= moment(now)).limit(limit)
        statement = delete(ExpiringRow).where(ExpiringRow.key.in_(over), ExpiringRow.until <= moment(now))
        return self._db.run(lambda connection: connection.execute(statement).rowcount)


def _replace(before: ExpiringRecord, after: ExpiringRecord, connection: Connection, stamp: str) -> ExpiringRecord:
    stored = replace(after, version=before.version + 1)
    row = row_of(ExpiringRow, {**plain(stored), "stamp": stamp})
    same = (ExpiringRow.key == before.key, ExpiringRow.version == before.version)
    # Version 0 is the one that was never stored, or that was forgotten.
    if before.version:
        done = connection.execute(update(ExpiringRow).where(*same).values(row)).rowcount == 1
    else:
        done = insert_if_new(connection, ExpiringRow, row)
    if not done:
        raise Conflict("Somebody else changed this record first.")
    return stored


def _written_by(key: str, connection: Connection, stamp: str) -> ExpiringRecord | None:
    statement = select(RECORDS).where(ExpiringRow.key == key, ExpiringRow.stamp == stamp)
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else read(dict(row), ExpiringRecord)
