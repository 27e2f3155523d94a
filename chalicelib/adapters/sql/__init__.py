"""All state in PostgreSQL (or SQLite, for trying things out), through SQLAlchemy; the only room that imports it."""

from __future__ import annotations

from chalicelib.adapters.sql.admin import SqlAudit, SqlExpiring, SqlSchedules, SqlTokens
from chalicelib.adapters.sql.catalog import SqlCatalog
from chalicelib.adapters.sql.database import SqlDatabase, engine_for
from chalicelib.adapters.sql.tasks import SqlTasks

__all__ = ["SqlState"]


class SqlState:
    """The six state ports over one database, whose tables `migrate.upgrade` has made.

    A Lambda does one thing at a time, so one connection is enough; a server with threads asks for a larger pool, and
    many functions over a small server keep none (0).
    """

    def __init__(self, url: str, *, pool_size: int = 1) -> None:
        self._engine = engine_for(url, pool_size=pool_size)
        database = SqlDatabase(self._engine)
        self.tasks = SqlTasks(database)
        self.catalog = SqlCatalog(database)
        self.tokens = SqlTokens(database)
        self.schedules = SqlSchedules(database)
        self.expiring = SqlExpiring(database)
        self.audit = SqlAudit(database)

    def close(self) -> None:
        """Give the connections back to the server."""
        self._engine.dispose()
