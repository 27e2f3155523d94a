"""The connection to the database: transactions that are tried again whole, and that happen exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import NullPool

from chalicelib.errors import Conflict
from chalicelib.stores.sql.edge import translated
from chalicelib.stores.sql.models import Base
from chalicelib.stores.tries import again

T = TypeVar("T")
Row = Mapping[str, object]

_KEPT: dict[str, Any] = {"max_overflow": 0, "pool_pre_ping": True, "pool_recycle": 300, "pool_timeout": 10}  # seconds
_SQLITE = {"isolation_level": None}  # no BEGIN of Python's own
_POSTGRESQL = {
    "connect_timeout": 5,  # seconds
    "options": "-c timezone=UTC -c statement_timeout=15s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s",
}


def engine_for(url: str, *, pool_size: int) -> Engine:
    """An engine that suits a Lambda: few connections, checked before use, as the other side may have closed them.

    With 0 it keeps none: each transaction has one of its own, so that a server can have more clients than connections.
    """
    parsed = make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg2")
    is_sqlite = parsed.get_backend_name() == "sqlite"
    kept = {**_KEPT, "pool_size": pool_size} if pool_size else {"poolclass": NullPool}
    engine = create_engine(parsed, connect_args=_SQLITE if is_sqlite else _POSTGRESQL, **kept)
    if is_sqlite:
        event.listen(engine, "begin", _lock_at_once)
    return engine


def _lock_at_once(connection: Connection) -> None:
    # SQLite knows no SELECT ... FOR UPDATE; whoever begins has the whole database to himself.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class Database:
    """Runs work in transactions. TooManyRequests or Unavailable where it stays busy or silent after a few tries."""

    def __init__(
        self,
        engine: Engine,
        *,
        sleep: Callable[[float], None] = time.sleep,
        new_stamp: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._engine, self._sleep, self._new_stamp = engine, sleep, new_stamp

    def run(self, work: Callable[[Connection], T]) -> T:
        """What the work answers, in a transaction of its own; it may be run again from its start."""

        def attempt() -> T:
            with translated(), self._engine.begin() as connection:
                return work(connection)

        return again(attempt, sleep=self._sleep)

    def commit(self, work: Callable[[Connection, str], T], is_ours: Callable[[Connection, str], T | None]) -> T:
        """As `run`, exactly once.

        Where a connection dies during its commit, nobody knows whether the work is done. So the work leaves the stamp
        that it is given in a row of its own, and refuses (Conflict) when the row has changed; `is_ours` then looks
        whether that was our own first try, and answers what the work would have answered.
        """
        stamp = self._new_stamp()
        try:
            return self.run(lambda connection: work(connection, stamp))
        except Conflict:
            answer = self.run(lambda connection: is_ours(connection, stamp))
            if answer is None:
                raise
            return answer


def row_of(model: type[Base], values: Row) -> dict[str, object]:
    """All columns of a table, None where there is no value."""
    return {column.name: values.get(column.name) for column in model.__table__.columns}


def insert_or(connection: Connection, model: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say what to do about a row that is there already."""
    return sqlite.insert(model) if connection.dialect.name == "sqlite" else postgresql.insert(model)


def insert_if_new(connection: Connection, model: type[Base], values: Row) -> bool:
    """True when the row is new; False, with nothing changed, when one of its unique values is taken."""
    statement = insert_or(connection, model).values(row_of(model, values)).on_conflict_do_nothing()
    return connection.execute(statement).rowcount == 1
