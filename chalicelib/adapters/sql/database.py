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
    """Map errors of the database to errors of Wallify; unknown errors pass unchanged.

    Raises:
        TooManyRequests: the transaction was rolled back.
        Unavailable: no usable response; the transaction may have been committed.
        Misconfigured: the request was refused, and a retry cannot succeed.
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
"""Classes of SQLSTATE: connection exceptions, and operator intervention (shutdown, start, statement timeout)."""


def _meaning(error: DBAPIError) -> WallifyError | None:
    state = getattr(error.orig, "pgcode", None) or ""
    wrong = _setup_fault(error, state)
    if wrong:
        return _misconfigured(error, wrong)
    if state in _BUSY or _full(error) or _is_locked_sqlite(error):
        return TooManyRequests()
    lost = isinstance(error, OperationalError) and not state  # psycopg2 has no code if the connection broke
    return Unavailable() if error.connection_invalidated or state.startswith(_DOWN) or lost else None


_NOT_SET_UP = (
    "28",  # invalid authorization: unknown role or wrong password
    "3D",  # unknown database
    "3F",  # unknown schema
)
"""Classes of SQLSTATE after which a retry cannot succeed."""
_NOT_MIGRATED = frozenset(
    {
        "42501",  # insufficient privilege
        "42P01",  # unknown table
        "42703",  # unknown column
    }
)
# A refused connection has no SQLSTATE, only the message of libpq or the server.
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
    """Return the SQLSTATE or message of a configuration fault; empty for other errors."""
    if state in _NOT_MIGRATED or state.startswith(_NOT_SET_UP):
        return state
    words, name = str(error.orig), str(getattr(error.orig, "sqlite_errorname", ""))
    if name.startswith(_SQLITE):
        return name
    messages = (*_REFUSED, *(_SQLITE_WORDS if name else ()))
    unknown = None if state else _UNKNOWN.search(words)
    return unknown[0] if unknown else next((one for one in messages if not state and one in words), "")


def _misconfigured(error: DBAPIError, wrong: str) -> Misconfigured:
    # Only the first line: the others may contain the statement. No message of libpq or the server contains a password.
    reason = str(error.orig).strip().partition("\n")[0][:_LONGEST_REASON]
    return Misconfigured(cause={"service": "database", "error": wrong, "reason": reason})


def _full(error: DBAPIError) -> bool:
    # A refused connection has no code, only a message: https://github.com/psycopg/psycopg2/issues/682
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
_SQLITE_CONNECTION = {"isolation_level": None}  # sqlite3 must not begin transactions itself
_POSTGRESQL_CONNECTION = {
    "connect_timeout": 5,  # seconds
    "options": "-c timezone=UTC -c statement_timeout=15s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s",
}
_SQLITE_ARGUMENTS: dict[str, Any] = {"connect_args": _SQLITE_CONNECTION}
# No column is an hstore; by default, SQLAlchemy asks each new connection for the type's number.
_POSTGRESQL_ARGUMENTS: dict[str, Any] = {"connect_args": _POSTGRESQL_CONNECTION, "use_native_hstore": False}


def engine_for(url: str, *, pool_size: int) -> sa.Engine:
    """Create an engine for a Lambda function: few connections, checked before use because the server may close them.

    With `pool_size` 0, each transaction opens its own connection, so that a server can have more clients than
    connections.
    """
    parsed = sa.make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg2")
    is_sqlite = parsed.get_backend_name() == "sqlite"
    kept = {**_POOL_ARGUMENTS, "pool_size": pool_size} if pool_size else {"poolclass": NullPool}
    engine = sa.create_engine(parsed, **(_SQLITE_ARGUMENTS if is_sqlite else _POSTGRESQL_ARGUMENTS), **kept)
    if is_sqlite:
        sa.event.listen(engine, "begin", _lock_at_once)
    return engine


def _lock_at_once(connection: sa.Connection) -> None:
    # SQLite has no SELECT ... FOR UPDATE; BEGIN IMMEDIATE locks the whole database.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class SqlDatabase:
    """Runs functions in transactions.

    Its methods raise TooManyRequests or Unavailable after the last of a few attempts.
    """

    def __init__(
        self,
        engine: sa.Engine,
        *,
        sleep: Callable[[float], None] = time.sleep,
        new_stamp: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._engine, self._sleep, self._new_stamp = engine, sleep, new_stamp

    def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Run the function in a transaction and return its result.

        After a retryable error it runs again from the start.
        """

        def attempt() -> T:
            with map_errors(), self._engine.begin() as connection:
                return work(connection)

        return call_with_retries(attempt, sleep=self._sleep)

    def commit(self, work: Callable[[sa.Connection, str], T], is_ours: Callable[[sa.Connection, str], T | None]) -> T:
        """Run the function like `run`, but commit its changes exactly once.

        If a connection breaks during the commit, it is unknown whether the changes were made. Therefore the function
        stores the given stamp in a row, and raises Conflict if this row has changed since it was read. `is_ours` then
        checks for the stamp: if the first attempt had succeeded, it returns the function's result.
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
    """Return values for all columns of a table; None for columns without a value."""
    return {column.name: values.get(column.name) for column in model.__table__.columns}


def insert_or(connection: sa.Connection, model: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT that supports ON CONFLICT, for the database's dialect."""
    return sqlite.insert(model) if connection.dialect.name == "sqlite" else postgresql.insert(model)


def insert_if_new(connection: sa.Connection, model: type[Base], values: Row) -> bool:
    """Insert the row and return True; return False, without a change, if one of its unique values exists already."""
    statement = insert_or(connection, model).values(row_of(model, values)).on_conflict_do_nothing()
    return connection.execute(statement).rowcount == 1


@dataclass(frozen=True)
class ListOrder:
    """Sort order by a first column, then by id."""

    first: InstrumentedAttribute[Any]
    its_id: InstrumentedAttribute[str]
    kind: TypeEngine[Any] | sa.TypeDecorator[Any]
    """Type of the first column; it converts the text of a position to a value."""
    value: Callable[[str], object]
    cursor: Callable[[str | None], str | None]
    newest_first: bool = False

    def after(self, cursor: str | None, statement: sa.Select[Any]) -> sa.Select[Any]:
        """Return the statement sorted in this order, beginning after the cursor."""
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
