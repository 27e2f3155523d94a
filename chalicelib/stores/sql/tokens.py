"""TokenStore over SQL."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, update

from chalicelib.core.tokens import Token
from chalicelib.errors import Conflict
from chalicelib.stores.rows import moment, plain, read
from chalicelib.stores.sql.columns import Moment
from chalicelib.stores.sql.database import Database, insert_if_new
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

    def revise(self, before: Token, after: Token) -> Token:
        """See `TokenStore.revise`."""
        return self._db.commit(partial(_revise, before, after), partial(_revised_by, before.digest))

    def used(self, digest: str, at: datetime) -> None:
        """See `TokenStore.used`."""
        statement = update(TokenRow).where(TokenRow.digest == digest).values(last_used_at=moment(at))
        self._db.run(lambda connection: connection.execute(statement))

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


def _revise(before: Token, after: Token, connection: Connection, stamp: str) -> Token:
    row = plain(after)
    values: dict[str, object] = {name: row.get(name) for name in ("name", "scopes", "expires_at")}
    values |= {"version": before.version + 1, "stamp": stamp}
    if after.revoked_at is not None:
        values["revoked_at"] = func.coalesce(TokenRow.revoked_at, bindparam(None, row["revoked_at"], type_=Moment))
    unchanged = (TokenRow.digest == before.digest, TokenRow.version == before.version)
    if connection.execute(update(TokenRow).where(*unchanged).values(values)).rowcount != 1:
        raise Conflict("Somebody else changed this token first.")
    return _one(connection, TokenRow.digest == before.digest)


def _revised_by(digest: str, connection: Connection, stamp: str) -> Token | None:
    statement = select(TOKENS).where(TokenRow.digest == digest, TokenRow.stamp == stamp)
    row = connection.execute(statement).mappings().first()
    return None if row is None else read(dict(row), Token)


def _one(connection: Connection, which: ColumnElement[bool]) -> Token:
    return read(dict(connection.execute(select(TOKENS).where(which)).mappings().one()), Token)
