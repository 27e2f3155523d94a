"""AuditStore over DynamoDB."""

from __future__ import annotations

from itertools import islice

from chalicelib.core.audit import Entry
from chalicelib.core.paging import Page
from chalicelib.stores.dynamodb import keys
from chalicelib.stores.dynamodb.requests import Query, Update
from chalicelib.stores.dynamodb.table import Table
from chalicelib.stores.pages import after_time, page_of, place_in_time
from chalicelib.stores.rows import plain, read


class DynamoAudit:
    """See `chalicelib.ports.AuditStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, entry: Entry) -> None:
        """See `AuditStore.add`."""
        self._table.update(Update(keys.audit(place_in_time(entry.at, entry.entry_id)), sets=plain(entry)))

    def page(self, limit: int, cursor: str | None = None) -> Page[Entry]:
        """See `AuditStore.page`."""
        # BETWEEN finds the cursor's own entry again, so one more is read; and one more tells whether there is more.
        after = after_time(cursor)
        values = {":audit": keys.AUDIT, ":low": "0", ":high": after or "~"}
        query = Query("#pk = :audit AND #sk BETWEEN :low AND :high", values, newest_first=True, limit=limit + 2)
        items = (item for item in self._table.all(query) if item["sk"] != after)
        return page_of(((str(item["sk"]), read(item, Entry)) for item in islice(items, limit + 1)), limit)
