"""TokenStore over DynamoDB."""

from __future__ import annotations

from chalicelib.core.tokens import Token
from chalicelib.errors import Conflict
from chalicelib.stores.dynamodb import keys
from chalicelib.stores.dynamodb.items import token_item, token_of
from chalicelib.stores.dynamodb.requests import ABSENT, Put, Query, Update
from chalicelib.stores.dynamodb.table import Table


class DynamoTokens:
    """See `chalicelib.ports.TokenStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, token: Token) -> None:
        """See `TokenStore.add`."""
        known = Conflict("There is a token with this digest already.")
        self._table.commit(Put(token_item(token), ABSENT, otherwise=lambda: known))

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
    item, key = token_item(token), keys.token(token.digest)
    fields = {name: value for name, value in item.items() if name not in key}
    sets = [f"#{name} = :{name}" for name in fields if name != "revoked_at"]
    if "revoked_at" in fields:
        sets.append("#revoked_at = if_not_exists(#revoked_at, :revoked_at)")
    gone = [f"#{name}" for name in ("valid_until", "last_used_at") if name not in fields]
    change = f"SET {', '.join(sets)}" + (f" REMOVE {', '.join(gone)}" if gone else "")
    return Update(key, change, {f":{name}": value for name, value in fields.items()})
