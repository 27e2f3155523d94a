"""TokenStore over SQL."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, func, select

from chalicelib.core.tokens import Token
from chalicelib.errors import Conflict
from chalicelib.stores.rows import plain, read
from chalicelib.stores.sql.database import Database, insert_if_new, insert_or, row_of
from chalicelib.stores.sql.models import TokenRow

TOKENS = TokenRow.__table__


class SqlTokens:
    """See `chalicelib.ports.TokenStore`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, token: Token) -> None:
        """See `TokenStore.add`."""
        self._db.commit(partial(_add, token), partial(_added_by, token.digest))

    def find(self, digest: str) -> Token | None:
        """See `TokenStore.find`."""
        statement = select(TOKENS).where(TokenRow.digest == digest)
        row = self._db.run(lambda connection: connection.execute(statement).mappings().one_or_none())
        return None if row is None else read(dict(row), Token)

    def replace(self, token: Token) -> None:
        """See `TokenStore.replace`."""
        self._db.run(partial(_replace, token))

    def all(self) -> tuple[Token, ...]:
        """See `TokenStore.all`."""
        statement = select(TOKENS).order_by(TokenRow.created_at, TokenRow.digest)
        rows = self._db.run(lambda connection: connection.execute(statement).mappings().all())
        return tuple(read(dict(row), Token) for row in rows)


def _add(token: Token, connection: Connection, stamp: str) -> bool:
    if not insert_if_new(connection, TokenRow, {**plain(token), "stamp": stamp}):
        raise Conflict("There is a token with this digest already.")
    return True


def _added_by(digest: str, connection: Connection, stamp: str) -> bool | None:
    statement = select(TokenRow.digest).where(TokenRow.digest == digest, TokenRow.stamp == stamp)
    return True if connection.execute(statement).first() else None


def _replace(token: Token, connection: Connection) -> None:
    row = row_of(TokenRow, {**plain(token), "stamp": ""})
    statement = insert_or(connection, TokenRow).values(row)
    kept = {"revoked_at": func.coalesce(TokenRow.revoked_at, statement.excluded.revoked_at)}
    new = {name: statement.excluded[name] for name in row if name not in {"digest", "stamp"}} | kept
    connection.execute(statement.on_conflict_do_update(index_elements=["digest"], set_=new))
