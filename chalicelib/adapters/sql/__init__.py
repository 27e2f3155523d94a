"""State in PostgreSQL, or in SQLite for experiments. Only this package imports SQLAlchemy."""

from __future__ import annotations

from chalicelib.adapters.sql.admin import SqlAudit, SqlExpiring, SqlSchedules, SqlTokens
from chalicelib.adapters.sql.catalog import SqlCatalog
from chalicelib.adapters.sql.database import SqlDatabase, engine_for
from chalicelib.adapters.sql.tasks import SqlTasks

__all__ = ["SqlState"]


class SqlState:
    """The six state ports over one database; `migrate.upgrade` creates the tables.

    A Lambda function handles one event at a time, so one connection is enough. A process with threads needs a larger
    pool. With 0, no connection is kept open, for a small server with many functions.
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
        """Close all connections."""
        self._engine.dispose()
