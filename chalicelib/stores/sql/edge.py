"""What a database's errors mean to us, in one place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from chalicelib.errors import Misconfigured, TooManyRequests, Unavailable, WallifyError


@contextmanager
def translated() -> Iterator[None]:
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
