"""A database that breaks at times: statements that it refuses, commits that are done without an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from bench.soak.faults import LOST, REFUSED, FaultInjector

_GONE = "server closed the connection unexpectedly"
Driver = Any
"""psycopg2 and sqlite3 have no types of their own that SQLAlchemy would name."""


def break_at_times(engine: Engine, faults: FaultInjector) -> None:
    """Each statement and each commit of this engine meets what is fated."""
    dialect: Any = engine.dialect
    execute, commit = dialect.do_execute, dialect.do_commit

    def do_execute(cursor: Driver, statement: str, parameters: object, context: object = None) -> None:
        fault = faults.calls()
        if fault == REFUSED:
            raise _busy(dialect)
        execute(cursor, statement, parameters, context)
        if fault == LOST:
            _cut(dialect, cursor.connection)

    def do_commit(connection: Driver) -> None:
        fault = faults.calls()
        if fault == REFUSED:
            _cut(dialect, connection)
        commit(connection)
        if fault == LOST:
            _cut(dialect, connection)

    dialect.do_execute, dialect.do_commit = do_execute, do_commit


def _busy(dialect: Driver) -> Exception:
    if dialect.name == "sqlite":
        error: Exception = dialect.dbapi.OperationalError("database is locked")
        error.sqlite_errorname = "SQLITE_BUSY"  # type: ignore[attr-defined]  # where sqlite3 keeps it
        return error
    return _deadlock(dialect)("deadlock detected")


def _deadlock(dialect: Driver) -> Callable[[str], Exception]:
    # psycopg2 sets the code of an error only when it reads one from a server.
    made: Callable[[str], Exception] = type("Deadlock", (dialect.dbapi.OperationalError,), {"pgcode": "40P01"})
    return made


def _cut(dialect: Driver, connection: Driver) -> None:
    if dialect.name != "sqlite":  # whose file cannot hang up
        connection.close()
    raise dialect.dbapi.OperationalError(_GONE)
