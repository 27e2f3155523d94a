"""`TokenStore`, `AuditStore`, `ScheduleStore` and `ExpiringStore` over SQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, select, update

from chalicelib.adapters.records import decode, encode, encode_time, make_page, time_position
from chalicelib.adapters.sql.database import AUDIT_NEWEST_FIRST, SqlDatabase, insert_if_new, row_of
from chalicelib.adapters.sql.models import AuditRow, ExpiringRow, ScheduleRow, Timestamp, TokenRow
from chalicelib.admin.scopes import AuditEntry, ExpiringRecord, Token
from chalicelib.errors import Conflict
from chalicelib.maintenance.model import ScheduleStatus
from chalicelib.ports import Page

TOKENS = TokenRow.__table__


class SqlTokens:
    """See `chalicelib.ports.TokenStore`."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    def add(self, token: Token) -> None:
        """See `TokenStore.add`."""
        self._db.commit(partial(_add, token), partial(_added_by, token.digest))

    def find(self, digest: str) -> Token | None:
        """See `TokenStore.find`."""
        statement = select(TOKENS).where(TokenRow.digest == digest)
        row = self._db.run(lambda connection: connection.execute(statement).mappings().one_or_none())
        return None if row is None else decode(dict(row), Token)

    def revise(self, before: Token, after: Token) -> Token:
        """See `TokenStore.revise`."""
        return self._db.commit(partial(_revise, before, after), partial(_revised_by, before.digest))

    def used(self, digest: str, at: datetime) -> None:
        """See `TokenStore.used`."""
        statement = update(TokenRow).where(TokenRow.digest == digest).values(last_used_at=encode_time(at))
        self._db.run(lambda connection: connection.execute(statement))

    def all(self) -> tuple[Token, ...]:
        """See `TokenStore.all`."""
        statement = select(TOKENS).order_by(TokenRow.created_at, TokenRow.digest)
        rows = self._db.run(lambda connection: connection.execute(statement).mappings().all())
        return tuple(decode(dict(row), Token) for row in rows)


def _add(token: Token, connection: Connection, stamp: str) -> bool:
    if not insert_if_new(connection, TokenRow, {**encode(token), "stamp": stamp}):
        raise Conflict("token.exists")
    return True


def _added_by(digest: str, connection: Connection, stamp: str) -> bool | None:
    statement = select(TokenRow.digest).where(TokenRow.digest == digest, TokenRow.stamp == stamp)
    return True if connection.execute(statement).first() else None


def _revise(before: Token, after: Token, connection: Connection, stamp: str) -> Token:
    row = encode(after)
    values: dict[str, object] = {name: row.get(name) for name in ("name", "scopes", "expires_at")}
    values |= {"version": before.version + 1, "stamp": stamp}
    if after.revoked_at is not None:
        values["revoked_at"] = func.coalesce(TokenRow.revoked_at, bindparam(None, row["revoked_at"], type_=Timestamp))
    unchanged = (TokenRow.digest == before.digest, TokenRow.version == before.version)
    if connection.execute(update(TokenRow).where(*unchanged).values(values)).rowcount != 1:
        raise Conflict("token.changed")
    return _one(connection, TokenRow.digest == before.digest)


def _revised_by(digest: str, connection: Connection, stamp: str) -> Token | None:
    statement = select(TOKENS).where(TokenRow.digest == digest, TokenRow.stamp == stamp)
    row = connection.execute(statement).mappings().first()
    return None if row is None else decode(dict(row), Token)


def _one(connection: Connection, which: ColumnElement[bool]) -> Token:
    return decode(dict(connection.execute(select(TOKENS).where(which)).mappings().one()), Token)


ENTRIES = AuditRow.__table__


class SqlAudit:
    """See `chalicelib.ports.AuditStore`."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    def add(self, entry: AuditEntry) -> None:
        """See `AuditStore.add`."""
        self._db.run(lambda connection: insert_if_new(connection, AuditRow, encode(entry)))

    def page(self, limit: int, cursor: str | None = None) -> Page[AuditEntry]:
        """See `AuditStore.page`."""
        statement = AUDIT_NEWEST_FIRST.after(cursor, select(ENTRIES)).limit(limit + 1)
        rows = self._db.run(lambda connection: connection.execute(statement).mappings().all())
        entries = (decode(dict(row), AuditEntry) for row in rows)
        return make_page(((time_position(entry.at, entry.entry_id), entry) for entry in entries), limit)


SCHEDULES = ScheduleRow.__table__


class SqlSchedules:
    """See `chalicelib.ports.ScheduleStore`."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    def get(self, name: str) -> ScheduleStatus:
        """See `ScheduleStore.get`."""
        statement = select(SCHEDULES).where(ScheduleRow.name == name)
        row = self._db.run(lambda connection: connection.execute(statement).mappings().one_or_none())
        return ScheduleStatus(name) if row is None else decode(dict(row), ScheduleStatus)

    def replace(self, before: ScheduleStatus, after: ScheduleStatus) -> ScheduleStatus:
        """See `ScheduleStore.replace`."""
        return self._db.commit(partial(_replace_schedule, before, after), partial(_schedule_written_by, before.name))


def _replace_schedule(
    before: ScheduleStatus, after: ScheduleStatus, connection: Connection, stamp: str
) -> ScheduleStatus:
    stored = replace(after, version=before.version + 1)
    row = row_of(ScheduleRow, {**encode(stored), "stamp": stamp})
    unchanged = (
        update(ScheduleRow).where(ScheduleRow.name == before.name, ScheduleRow.version == before.version).values(row)
    )
    # Version 0: not stored yet.
    done = (
        connection.execute(unchanged).rowcount == 1 if before.version else insert_if_new(connection, ScheduleRow, row)
    )
    if not done:
        raise Conflict("schedule.changed", name=before.name)
    return stored


def _schedule_written_by(name: str, connection: Connection, stamp: str) -> ScheduleStatus | None:
    statement = select(SCHEDULES).where(ScheduleRow.name == name, ScheduleRow.stamp == stamp)
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else decode(dict(row), ScheduleStatus)


RECORDS = ExpiringRow.__table__


class SqlExpiring:
    """See `chalicelib.ports.ExpiringStore`."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    def get(self, key: str) -> ExpiringRecord:
        """See `ExpiringStore.get`."""
        statement = select(RECORDS).where(ExpiringRow.key == key)
        row = self._db.run(lambda connection: connection.execute(statement).mappings().one_or_none())
        return ExpiringRecord(key) if row is None else decode(dict(row), ExpiringRecord)

    def replace(self, before: ExpiringRecord, after: ExpiringRecord) -> ExpiringRecord:
        """See `ExpiringStore.replace`."""
        return self._db.commit(partial(_replace_record, before, after), partial(_record_written_by, before.key))

    def delete_expired(self, now: datetime, limit: int) -> int:
        """See `ExpiringStore.delete_expired`. In DynamoDB, TTL does this."""
        over = select(ExpiringRow.key).where(ExpiringRow.until <= encode_time(now)).limit(limit)
        statement = delete(ExpiringRow).where(ExpiringRow.key.in_(over), ExpiringRow.until <= encode_time(now))
        return self._db.run(lambda connection: connection.execute(statement).rowcount)


def _replace_record(
    before: ExpiringRecord, after: ExpiringRecord, connection: Connection, stamp: str
) -> ExpiringRecord:
    stored = replace(after, version=before.version + 1)
    row = row_of(ExpiringRow, {**encode(stored), "stamp": stamp})
    same = (ExpiringRow.key == before.key, ExpiringRow.version == before.version)
    # Version 0: not stored yet, or deleted after its expiry.
    if before.version:
        done = connection.execute(update(ExpiringRow).where(*same).values(row)).rowcount == 1
    else:
        done = insert_if_new(connection, ExpiringRow, row)
    if not done:
        raise Conflict("record.changed")
    return stored


def _record_written_by(key: str, connection: Connection, stamp: str) -> ExpiringRecord | None:
    statement = select(RECORDS).where(ExpiringRow.key == key, ExpiringRow.stamp == stamp)
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else decode(dict(row), ExpiringRecord)
