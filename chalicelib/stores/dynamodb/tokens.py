"""TokenStore over DynamoDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chalicelib.core.tokens import Token
from chalicelib.errors import Conflict
from chalicelib.stores.dynamodb import keys
from chalicelib.stores.dynamodb.items import token_item, token_of
from chalicelib.stores.dynamodb.requests import Condition, Put, Query, Update
from chalicelib.stores.dynamodb.table import Table
from chalicelib.stores.rows import moment


class DynamoTokens:
    """See `chalicelib.ports.TokenStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, token: Token) -> None:
        """See `TokenStore.add`."""
        known = Conflict("There is a token with this digest already.")
        self._table.commit(Put(token_item(token), Condition.absent(lambda: known)))

    def find(self, digest: str) -> Token | None:
        """See `TokenStore.find`."""
        item = self._table.get(keys.token(digest))
        return None if item is None else token_of(item)

    def revise(self, before: Token, after: Token) -> Token:
        """See `TokenStore.revise`."""
        self._table.commit(_revision(before, after))
        item = self._table.get(keys.token(before.digest))
        return replace(after if item is None else token_of(item), version=before.version + 1)

    def used(self, digest: str, at: datetime) -> None:
        """See `TokenStore.used`."""
        self._table.update(Update(keys.token(digest), sets={"last_used_at": moment(at)}))

    def all(self) -> tuple[Token, ...]:
        """See `TokenStore.all`."""
        shards = (f"TOKENS#{shard}" for shard in range(keys.SHARDS))
        tokens = [
            token_of(item) for shard in shards for item in self._table.all(Query("#pk = :shard", {":shard": shard}))
        ]
        return tuple(sorted(tokens, key=lambda token: (token.created_at, token.digest)))


def _revision(before: Token, after: Token) -> Update:
    item = token_item(replace(after, version=before.version + 1))
    sets: dict[str, object] = {
        name: item[name] for name in ("name", "scopes", "valid_until", "version") if name in item
    }
    first = {name: item[name] for name in ("revoked_at",) if name in item}
    removes = () if "valid_until" in item else ("valid_until",)
    return Update(keys.token(before.digest), sets=sets, first=first, removes=removes, only_if=_unchanged(before))


def _unchanged(before: Token) -> Condition:
    def changed() -> Conflict:
        return Conflict("Somebody else changed this token first.")

    # Tokens that an earlier version has written have no version.
    fresh = "" if before.version else " OR (attribute_exists(#name) AND attribute_not_exists(#version))"
    return Condition(f"#version = :read{fresh}", {":read": before.version}, changed)
