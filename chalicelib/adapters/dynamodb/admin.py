"""`TokenStore`, `AuditStore`, `ScheduleStore` and `ExpiringStore` over DynamoDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice

from chalicelib.adapters.dynamodb import items
from chalicelib.adapters.dynamodb import items as dynamodb_items
from chalicelib.adapters.dynamodb.items import Condition, Item, PutItem, Query, UpdateItem, time_to_live
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.adapters.records import decode, decode_time_cursor, encode, encode_time, make_page, time_position
from chalicelib.admin.scopes import AuditEntry, ExpiringRecord, Token
from chalicelib.errors import Conflict
from chalicelib.maintenance.model import ScheduleStatus
from chalicelib.ports import Page


class DynamoTokens:
    """See `chalicelib.ports.TokenStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, token: Token) -> None:
        """See `TokenStore.add`."""
        known = partial(Conflict, "token.exists")
        self._table.commit(PutItem(token_item(token), Condition.absent(known)))

    def find(self, digest: str) -> Token | None:
        """See `TokenStore.find`."""
        item = self._table.get(items.token_key(digest))
        return None if item is None else token_of(item)

    def revise(self, before: Token, after: Token) -> Token:
        """See `TokenStore.revise`."""
        self._table.commit(_revision(before, after))
        item = self._table.get(items.token_key(before.digest))
        return replace(after if item is None else token_of(item), version=before.version + 1)

    def used(self, digest: str, at: datetime) -> None:
        """See `TokenStore.used`."""
        self._table.update(UpdateItem(items.token_key(digest), sets={"last_used_at": encode_time(at)}))

    def all(self) -> tuple[Token, ...]:
        """See `TokenStore.all`."""
        shards = (f"TOKENS#{shard}" for shard in range(items.SHARDS))
        tokens = [
            token_of(item) for shard in shards for item in self._table.all(Query("#pk = :shard", {":shard": shard}))
        ]
        return tuple(sorted(tokens, key=lambda token: (token.created_at, token.digest)))


def _revision(before: Token, after: Token) -> UpdateItem:
    item = token_item(replace(after, version=before.version + 1))
    sets: dict[str, object] = {
        name: item[name] for name in ("name", "scopes", "valid_until", "version") if name in item
    }
    first = {name: item[name] for name in ("revoked_at",) if name in item}
    removes = () if "valid_until" in item else ("valid_until",)
    return UpdateItem(
        items.token_key(before.digest), sets=sets, first=first, removes=removes, only_if=_unchanged(before)
    )


def _unchanged(before: Token) -> Condition:
    def changed() -> Conflict:
        return Conflict("token.changed")

    # Tokens written by earlier releases have no version attribute.
    fresh = "" if before.version else " OR (attribute_exists(#name) AND attribute_not_exists(#version))"
    return Condition(f"#version = :read{fresh}", {":read": before.version}, changed)


class DynamoAudit:
    """See `chalicelib.ports.AuditStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, entry: AuditEntry) -> None:
        """See `AuditStore.add`."""
        self._table.update(
            UpdateItem(dynamodb_items.audit_key(time_position(entry.at, entry.entry_id)), sets=encode(entry))
        )

    def page(self, limit: int, cursor: str | None = None) -> Page[AuditEntry]:
        """See `AuditStore.page`."""
        # Two more are read: the cursor's own entry, which BETWEEN includes, and one to find out if there is a next
        # page.
        after = decode_time_cursor(cursor)
        values = {":audit": dynamodb_items.AUDIT, ":low": "0", ":high": after or "~"}
        query = Query("#pk = :audit AND #sk BETWEEN :low AND :high", values, newest_first=True, limit=limit + 2)
        items = (item for item in self._table.all(query) if item["sk"] != after)
        return make_page(((str(item["sk"]), decode(item, AuditEntry)) for item in islice(items, limit + 1)), limit)


class DynamoSchedules:
    """See `chalicelib.ports.ScheduleStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, name: str) -> ScheduleStatus:
        """See `ScheduleStore.get`."""
        item = self._table.get(items.schedule_key(name))
        return ScheduleStatus(name) if item is None else decode(item, ScheduleStatus)

    def replace(self, before: ScheduleStatus, after: ScheduleStatus) -> ScheduleStatus:
        """See `ScheduleStore.replace`."""
        changed = partial(Conflict, "schedule.changed", name=before.name)
        stored = replace(after, version=before.version + 1)
        unchanged = Condition.version(before.version, changed)
        # Version 0: not stored yet.
        condition = unchanged if before.version else Condition.absent(changed)
        self._table.commit(PutItem({**items.schedule_key(before.name), **encode(stored)}, condition))
        return stored


class DynamoExpiring:
    """See `chalicelib.ports.ExpiringStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, key: str) -> ExpiringRecord:
        """See `ExpiringStore.get`."""
        item = self._table.get(items.expiring_key(key))
        return ExpiringRecord(key) if item is None else decode(item, ExpiringRecord)

    def replace(self, before: ExpiringRecord, after: ExpiringRecord) -> ExpiringRecord:
        """See `ExpiringStore.replace`."""

        def changed() -> Conflict:
            return Conflict("record.changed")

        stored = replace(after, version=before.version + 1)
        # Version 0: not stored yet, or removed by TTL.
        unchanged = Condition.version(before.version, changed) if before.version else Condition.absent(changed)
        ends = {} if stored.until is None else {"expires_at": time_to_live(stored.until)}
        self._table.commit(PutItem({**items.expiring_key(before.key), **encode(stored), **ends}, unchanged))
        return stored

    def delete_expired(self, now: datetime, limit: int) -> int:  # noqa: ARG002  # the port's words
        """See `ExpiringStore.delete_expired`: the table's TTL does it."""
        return 0


def token_item(token: Token) -> dict[str, object]:
    """Return the item of a token. Its expiry is stored as `valid_until`, because `expires_at` is the TTL attribute."""
    fields = encode(token)
    valid_until = fields.pop("expires_at", None)
    ends = {} if valid_until is None else {"valid_until": valid_until}
    return dynamodb_items.token_key(token.digest) | fields | ends


def token_of(item: Item) -> Token:
    """Return the token of an item."""
    return decode({**item, "expires_at": item.get("valid_until")}, Token)
