"""AuditStore over SQL."""

from __future__ import annotations

from sqlalchemy import select

from chalicelib.core.audit import Entry
from chalicelib.core.paging import Page
from chalicelib.stores.pages import page_of, place_in_time
from chalicelib.stores.rows import plain, read
from chalicelib.stores.sql.database import Database, insert_if_new
from chalicelib.stores.sql.models import EntryRow
from chalicelib.stores.sql.places import AUDIT_NEWEST_FIRST

ENTRIES = EntryRow.__table__


class SqlAudit:
    """See `chalicelib.ports.AuditStore`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, entry: Entry) -> None:
        """See `AuditStore.add`."""
        self._db.run(lambda connection: insert_if_new(connection, EntryRow, plain(entry)))

    def page(self, limit: int, cursor: str | None = None) -> Page[Entry]:
        """See `AuditStore.page`."""
        statement = AUDIT_NEWEST_FIRST.after(cursor, select(ENTRIES)).limit(limit + 1)
        rows = self._db.run(lambda connection: connection.execute(statement).mappings().all())
        entries = (read(dict(row), Entry) for row in rows)
        return page_of(((place_in_time(entry.at, entry.entry_id), entry) for entry in entries), limit)
