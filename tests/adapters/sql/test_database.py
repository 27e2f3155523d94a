from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from chalicelib.adapters.sql.database import map_errors
from chalicelib.errors import Misconfigured, TooManyRequests, Unavailable

STATES = {
    "serialization failure": ("40001", TooManyRequests),
    "deadlock": ("40P01", TooManyRequests),
    "lock timeout": ("55P03", TooManyRequests),
    "too many connections": ("53300", TooManyRequests),
    "connection failure": ("08006", Unavailable),
    "shutdown": ("57P01", Unavailable),
    "starting": ("57P03", Unavailable),
    "statement timeout": ("57014", Unavailable),
    "no code at all": (None, Unavailable),
}


@pytest.mark.parametrize(("state", "meaning"), STATES.values(), ids=STATES)
def test_postgresqls_codes_have_a_meaning(state: str | None, meaning: type[Exception]) -> None:
    cause: Any = SimpleNamespace(pgcode=state)
    with pytest.raises(meaning), map_errors():
        raise OperationalError("SELECT 1", {}, cause)


class Orig(Exception):
    """An error of psycopg2 or sqlite3, with what it carries."""

    def __init__(self, words: str = "", pgcode: str | None = None, sqlite_errorname: str | None = None) -> None:
        super().__init__(words)
        self.pgcode = pgcode
        if sqlite_errorname:
            self.sqlite_errorname = sqlite_errorname


SETUP = {
    "a wrong password": Orig('FATAL:  password authentication failed for user "w"\nHINT: hunter2', None),
    "a wrong password, by its state": Orig("authentication failed", "28P01"),
    "an unknown role": Orig('FATAL:  role "w" does not exist'),
    "an unknown database": Orig('FATAL:  database "w" does not exist'),
    "an unknown database, by its state": Orig("no", "3D000"),
    "no way in": Orig('FATAL:  no pg_hba.conf entry for host "1.2.3.4"'),
    "no right to a table": Orig("permission denied for table tasks", "42501"),
    "a migration that is missing": Orig('relation "tasks" does not exist', "42P01"),
    "a column that is missing": Orig('column "cause" does not exist', "42703"),
    "a schema that is missing": Orig("no schema", "3F000"),
    "a certificate": Orig("SSL error: certificate verify failed"),
    "SQLite: a missing folder": Orig("unable to open database file", None, "SQLITE_CANTOPEN"),
    "SQLite: read only": Orig("attempt to write a readonly database", None, "SQLITE_READONLY"),
    "SQLite: no table": Orig("no such table: tasks", None, "SQLITE_ERROR"),
    "SQLite: another file": Orig("file is not a database", None, "SQLITE_NOTADB"),
}


@pytest.mark.parametrize("kind", [OperationalError, ProgrammingError])
@pytest.mark.parametrize("orig", SETUP.values(), ids=SETUP)
def test_a_database_that_is_not_set_up_is_a_fault_of_the_configuration(orig: Orig, kind: type[DBAPIError]) -> None:
    with pytest.raises(Misconfigured) as wrong, map_errors():
        raise kind("SELECT secret FROM tokens", {"token": "wlf_4711"}, orig)

    assert (wrong.value.details, wrong.value.cause["service"]) == ({}, "database")
    assert wrong.value.cause["reason"] == str(orig).partition("\n")[0]
    assert not any(word in str(vars(wrong.value)) for word in ("hunter2", "wlf_4711", "SELECT"))


def test_a_unique_violation_is_no_fault_of_the_server() -> None:
    cause: Any = SimpleNamespace(pgcode="23505")
    with pytest.raises(DBAPIError), map_errors():
        raise DBAPIError("INSERT", {}, cause)


def test_a_pool_without_a_free_connection_is_busy() -> None:
    with pytest.raises(TooManyRequests), map_errors():
        raise NoConnectionFree
