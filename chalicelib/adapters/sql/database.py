"""Connections and transactions of the SQL back end: retries, writes that happen exactly once, and error mapping."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeEngine

from chalicelib.adapters.records import call_with_retries, decode_child_cursor, decode_time_cursor
from chalicelib.adapters.sql.models import AuditRow, Base, ImageRow, TaskRow, Timestamp
from chalicelib.errors import Conflict, Misconfigured, TooManyRequests, Unavailable, WallifyError


@contextmanager
def map_errors() -> Iterator[None]:
    """Raise what the database's error means; other errors are bugs and pass as they are.

    TooManyRequests (rolled back), Unavailable (perhaps done), or Misconfigured (not done, and never will be).
    """
    try:
        yield
    except NoConnectionFree as e:
        raise TooManyRequests from e
    except DBAPIError as e:
        meaning = _meaning(e)
        if meaning is None:
            raise
        raise meaning from e


# https://www.postgresql.org/docs/current/errcodes-appendix.html
_BUSY = frozenset(
    {
        "40001",  # serialization failure
        "40P01",  # deadlock
        "55P03",  # lock not available in time
        "53300",  # too many connections
    }
)
_DOWN = ("08", "57")
"""Classes: connection exceptions; the operator intervened (shutdown, start, a statement that took too long)."""


def _meaning(error: DBAPIError) -> WallifyError | None:
    state = getattr(error.orig, "pgcode", None) or ""
    wrong = _setup_fault(error, state)
    if wrong:
        return _misconfigured(error, wrong)
    if state in _BUSY or _full(error) or _is_locked_sqlite(error):
        return TooManyRequests()
    lost = isinstance(error, OperationalError) and not state  # psycopg2 has no code when the connection itself broke
    return Unavailable() if error.connection_invalidated or state.startswith(_DOWN) or lost else None


_NOT_SET_UP = (
    "28",  # invalid authorization: an unknown role, a wrong password
    "3D",  # there is no such database
    "3F",  # there is no such schema
)
"""Classes of states that no retry changes."""
_NOT_MIGRATED = frozenset(
    {
        "42501",  # insufficient privilege
        "42P01",  # there is no such table
        "42703",  # there is no such column
    }
)
# A connection that is refused carries no state, only libpq's and the server's words.
_REFUSED = (
    "password authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "permission denied for database",
    "certificate verify failed",
    "server does not support SSL",
    "invalid port number",
    "invalid dsn",
    "invalid connection option",
)
_UNKNOWN = re.compile(r'(?:role|database|user) "[^"]*" does not exist')
_SQLITE = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_NOTADB", "SQLITE_AUTH", "SQLITE_PERM")
_SQLITE_WORDS = ("no such table", "no such column")
_LONGEST_REASON = 300


def _setup_fault(error: DBAPIError, state: str) -> str:
    """The state or the words by which the database says that it is not set up for us; empty where it does not."""
    if state in _NOT_MIGRATED or state.startswith(_NOT_SET_UP):
        return state
    words, name = str(error.orig), str(getattr(error.orig, "sqlite_errorname", ""))
    if name.startswith(_SQLITE):
        return name
    told = (*_REFUSED, *(_SQLITE_WORDS if name else ()))
    unknown = None if state else _UNKNOWN.search(words)
    return unknown[0] if unknown else next((one for one in told if not state and one in words), "")


def _misconfigured(error: DBAPIError, wrong: str) -> Misconfigured:
    # The first line alone: what follows may quote the statement. Neither libpq nor the server repeats a password.
    reason = str(error.orig).strip().partition("\n")[0][:_LONGEST_REASON]
    return Misconfigured(cause={"service": "database", "error": wrong, "reason": reason})


def _full(error: DBAPIError) -> bool:
    # A refused connection carries no code, only words: https://github.com/psycopg/psycopg2/issues/682
    return any(words in str(error.orig) for words in ("too many clients", "too many connections", "connection slots"))


def _is_locked_sqlite(error: DBAPIError) -> bool:
    return str(getattr(error.orig, "sqlite_errorname", "")).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


T = TypeVar("T")
Row = Mapping[str, object]

_POOL_ARGUMENTS: dict[str, Any] = {
    "max_overflow": 0,
    "pool_pre_ping": True,
    "pool_recycle": 300,
    "pool_timeout": 10,
}  # seconds
_SQLITE_ARGUMENTS = {"isolation_level": None}  # no BEGIN of Python's own
_POSTGRESQL_ARGUMENTS = {
    "connect_timeout": 5,  # seconds
    "options": "-c timezone=UTC -c statement_timeout=15s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s",
}


def engine_for(url: str, *, pool_size: int) -> sa.Engine:
    """An engine that suits a Lambda: few connections, checked before use, as the other side may have closed them.

    With 0 it keeps none: each transaction has one of its own, so that a server can have more clients than connections.
    """
    parsed = sa.make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg2")
    is_sqlite = parsed.get_backend_name() == "sqlite"
    kept = {**_POOL_ARGUMENTS, "pool_size": pool_size} if pool_size else {"poolclass": NullPool}
    engine = sa.create_engine(parsed, connect_args=_SQLITE_ARGUMENTS if is_sqlite else _POSTGRESQL_ARGUMENTS, **kept)
    if is_sqlite:
        sa.event.listen(engine, "begin", _lock_at_once)
    return engine


def _lock_at_once(connection: sa.Connection) -> None:
    # SQLite has no SELECT ... FOR UPDATE; a transaction that has begun locks the whole database.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class SqlDatabase:
    """Runs work in transactions. TooManyRequests or Unavailable where it stays busy or silent after a few tries."""

    def __init__(
        self,
        engine: sa.Engine,
        *,
        sleep: Callable[[float], None] = time.sleep,
        new_stamp: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._engine, self._sleep, self._new_stamp = engine, sleep, new_stamp

    def run(self, work: Callable[[sa.Connection], T]) -> T:
        """What the work answers, in a transaction of its own; it may be run again from its start."""

        def attempt() -> T:
            with map_errors(), self._engine.begin() as connection:
                return work(connection)

        return call_with_retries(attempt, sleep=self._sleep)

    def commit(self, work: Callable[[sa.Connection, str], T], is_ours: Callable[[sa.Connection, str], T | None]) -> T:
        """As `run`, exactly once.

        Where a connection dies during its commit, it is unknown whether the work is done. So the work leaves the stamp
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


def insert_or(connection: sa.Connection, model: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say what to do about a row that is there already."""
    return sqlite.insert(model) if connection.dialect.name == "sqlite" else postgresql.insert(model)


def insert_if_new(connection: sa.Connection, model: type[Base], values: Row) -> bool:
    """True when the row is new; False, with nothing changed, when one of its unique values is taken."""
    statement = insert_or(connection, model).values(row_of(model, values)).on_conflict_do_nothing()
    return connection.execute(statement).rowcount == 1


@dataclass(frozen=True)
class ListOrder:
    """By a first column, then by id."""

    first: InstrumentedAttribute[Any]
    its_id: InstrumentedAttribute[str]
    kind: TypeEngine[Any] | sa.TypeDecorator[Any]
    """Type of the first column, and how a place's text becomes its value."""
    value: Callable[[str], object]
    cursor: Callable[[str | None], str | None]
    newest_first: bool = False

    def after(self, cursor: str | None, statement: sa.Select[Any]) -> sa.Select[Any]:
        """The statement in this order, from behind the cursor."""
        place = self.cursor(cursor)
        if place is not None:
            statement = statement.where(self._is_behind(place))
        columns = (self.first, self.its_id)
        return statement.order_by(*(column.desc() if self.newest_first else column for column in columns))

    def _is_behind(self, place: str) -> Any:  # noqa: ANN401  # SQLAlchemy's own words for a condition are many
        first, _, its_id = place.partition("#")
        here = sa.tuple_(sa.literal(self.value(first), self.kind), sa.literal(its_id, sa.Text()))
        columns = sa.tuple_(self.first, self.its_id)
        return columns < here if self.newest_first else columns > here


TASKS_OLDEST_FIRST = ListOrder(TaskRow.created_at, TaskRow.task_id, Timestamp(), str, decode_time_cursor)
TASKS_NEWEST_FIRST = ListOrder(
    TaskRow.created_at, TaskRow.task_id, Timestamp(), str, decode_time_cursor, newest_first=True
)
IMAGES_NEWEST_FIRST = ListOrder(
    ImageRow.created_at, ImageRow.image_id, Timestamp(), str, decode_time_cursor, newest_first=True
)
TRASH_OLDEST_FIRST = ListOrder(ImageRow.trashed_at, ImageRow.image_id, Timestamp(), str, decode_time_cursor)
AUDIT_NEWEST_FIRST = ListOrder(AuditRow.at, AuditRow.entry_id, Timestamp(), str, decode_time_cursor, newest_first=True)
SIBLINGS = ListOrder(TaskRow.place, TaskRow.task_id, sa.Integer(), int, decode_child_cursor)
