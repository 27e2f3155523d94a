"""TokenStore over DynamoDB."""

from __future__ import annotations

from chalicelib.core.tokens import Token
from chalicelib.errors import Conflict
from chalicelib.stores.dynamodb import keys
from chalicelib.stores.dynamodb.items import token_item, token_of
from chalicelib.stores.dynamodb.requests import Condition, Put, Query, Update
from chalicelib.stores.dynamodb.table import Table


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

    def replace(self, token: Token) -> None:
        """See `TokenStore.replace`."""
        self._table.update(_replacement(token))

    def all(self) -> tuple[Token, ...]:
        """See `TokenStore.all`."""
        shards = (f"TOKENS#{shard}" for shard in range(keys.SHARDS))
        tokens = [
            token_of(item) for shard in shards for item in self._table.all(Query("#pk = :shard", {":shard": shard}))
        ]
        return tuple(sorted(tokens, key=lambda token: (token.created_at, token.digest)))


def _replacement(token: Token) -> Update:
    key = keys.token(token.digest)
    fields = {name: value for name, value in token_item(token).items() if name not in key}
    first = {name: fields.pop(name) for name in ("revoked_at",) if name in fields}
    gone = tuple(name for name in ("valid_until", "last_used_at") if name not in fields)
    return Update(key, sets=fields, first=first, removes=gone)
