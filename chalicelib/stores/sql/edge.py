"""What a database's errors mean to us, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from chalicelib.errors import TooManyRequests, Unavailable, WallifyError


@contextmanager
def translated() -> Iterator[None]:
    """Raise TooManyRequests (rolled back) or Unavailable (perhaps done); other errors are bugs and pass as they are."""
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
    if state in _BUSY or _full(error) or _is_locked_sqlite(error):
        return TooManyRequests()
    lost = isinstance(error, OperationalError) and not state  # psycopg2 has no code when the connection itself broke
    return Unavailable() if error.connection_invalidated or state.startswith(_DOWN) or lost else None


def _full(error: DBAPIError) -> bool:
    # A refused connection carries no code, only words: https://github.com/psycopg/psycopg2/issues/682
    return any(words in str(error.orig) for words in ("too many clients", "too many connections", "connection slots"))


def _is_locked_sqlite(error: DBAPIError) -> bool:
    return str(getattr(error.orig, "sqlite_errorname", "")).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
