"""SQL databases, and the two ways in which a call to one can go wrong: refused before it is done, or lost after it."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg2 import OperationalError
from sqlalchemy import Connection, Engine, event

from chalicelib.adapters.sql import SqlState
from chalicelib.adapters.sql.catalog import SqlCatalog
from chalicelib.adapters.sql.database import SqlDatabase, engine_for
from chalicelib.adapters.sql.tasks import SqlTasks
from tests.contracts.databases import emptied, execute, postgresql, sqlite

BUSY, BROKEN = "busy", "broken"
WORDS = {
    # what it is: how SQLite and PostgreSQL say it
    BUSY: ("SQLITE_BUSY", "55P03"),
    "full": ("SQLITE_BUSY", "53300"),
    "deadlock": ("SQLITE_LOCKED", "40P01"),
    "disturbed": ("SQLITE_LOCKED", "40001"),
    BROKEN: ("SQLITE_IOERR", "57P01"),
    "too slow": ("SQLITE_IOERR", "57014"),
}


@dataclass(frozen=True)
class Base:
    """A database with our tables, so that a test can put faults into its connections."""

    url: str
    engine: Engine

    def state(self, sleep: Callable[[float], None] = lambda _: None) -> SqlState:
        """The stores, without the pauses between their tries, or with pauses of the test's."""
        state, database = SqlState(self.url, pool_size=0), SqlDatabase(self.engine, sleep=sleep)
        state.tasks, state.catalog = SqlTasks(database), SqlCatalog(database)
        return state

    def end_connections(self) -> None:
        """The server ends every connection that there is (PostgreSQL); SQLite's are closed."""
        if self.engine.dialect.name == "postgresql":
            execute(self.url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        else:
            self.engine.dispose()

    def crash(self) -> None:
        """One of PostgreSQL's processes is killed; it ends all others and recovers. Comes back when it is up again."""
        clients = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        victim = int(str(execute(self.url, clients)[0][0]))
        os.kill(victim, signal.SIGKILL)
        for _ in range(400):
            with suppress(OperationalError):
                # Nobody but the recovery takes the victim off the list.
                if (victim,) not in execute(self.url, clients):
                    return
            time.sleep(0.05)  # between looks; nothing is measured by it


@contextmanager
def base_on_sqlite(folder: Path) -> Iterator[Base]:
    """A file with the tables that ship."""
    with _open(sqlite(folder)) as base:
        yield base


@contextmanager
def base_on_postgresql() -> Iterator[Base]:
    """A real server with the tables that ship, empty."""
    with emptied(postgresql()) as url, _open(url) as base:
        yield base


class SqlFaults:
    """Meets statements that begin like this ("UPDATE tasks") with faults; counts how many there were."""

    def __init__(self, engine: Engine, statement: str) -> None:
        self._engine, self._statement, self.met = engine, statement, 0

    def refuse(self, what: str, *, times: int = 1) -> None:
        """The database answers this (see WORDS), so many times, and rolls back."""

        def answer(cursor: Any, statement: str, *_: object) -> None:  # noqa: ANN401  # a driver's
            if statement.startswith(self._statement) and self.met < times:
                self.met += 1
                _raise(cursor, *WORDS[what])

        event.listen(self._engine, "do_execute", answer)

    def lose_answers(self, *, times: int = 1, done: bool = True) -> None:
        """So many commits of such statements are done (or not), and then the connection is gone."""
        touched: set[Connection] = set()

        def note(**given: Any) -> None:  # noqa: ANN401  # SQLAlchemy's
            if given["statement"].startswith(self._statement):
                touched.add(given["conn"])

        def lose(connection: Connection) -> None:
            if connection in touched and self.met < times:
                self.met += 1
                _break(connection, done=done)
            touched.discard(connection)

        event.listen(self._engine, "after_cursor_execute", note, named=True)
        event.listen(self._engine, "commit", lose)


@contextmanager
def _open(url: str) -> Iterator[Base]:
    engine = engine_for(url, pool_size=8)
    yield Base(url, engine)
    engine.dispose()


def _raise(cursor: Any, on_sqlite: str, on_postgresql: str) -> None:  # noqa: ANN401  # a driver's
    if isinstance(cursor, sqlite3.Cursor):
        fault = sqlite3.OperationalError("database is locked")
        fault.sqlite_errorname = on_sqlite
        raise fault
    # The server itself says it, so that its transaction is broken, too.
    cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'injected' USING ERRCODE = '{on_postgresql}'; END $$")


def _break(connection: Connection, *, done: bool) -> None:
    driver: Any = connection.connection.dbapi_connection
    if done:
        driver.commit()
    driver.close()
