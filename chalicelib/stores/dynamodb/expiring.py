"""ExpiringStore over DynamoDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chalicelib.core.expiring import ExpiringRecord
from chalicelib.errors import Conflict
from chalicelib.stores.dynamodb import keys
from chalicelib.stores.dynamodb.items import time_to_live
from chalicelib.stores.dynamodb.requests import Condition, Put
from chalicelib.stores.dynamodb.table import Table
from chalicelib.stores.rows import plain, read


class DynamoExpiring:
    """See `chalicelib.ports.ExpiringStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, key: str) -> ExpiringRecord:
        """See `ExpiringStore.get`."""
        item = self._table.get(keys.expiring(key))
        return ExpiringRecord(key) if item is None else read(item, ExpiringRecord)

    def replace(self, before: ExpiringRecord, after: ExpiringRecord) -> ExpiringRecord:
        """See `ExpiringStore.replace`."""

        def changed() -> Conflict:
            return Conflict("Somebody else changed this record first.")

        stored = replace(after, version=before.version + 1)
        # Version 0 is the one that was never stored, or that the table has forgotten.
        unchanged = Condition.version(before.version, changed) if before.version else Condition.absent(changed)
        ends = {} if stored.until is None else {"expires_at": time_to_live(stored.until)}
        self._table.commit(Put({**keys.expiring(before.key), **plain(stored), **ends}, unchanged))
        return stored

    def forget(self, now: datetime, limit: int) -> int:  # noqa: ARG002  # the port's words
        """See `ExpiringStore.forget`: the table's TTL does it."""
        return 0
