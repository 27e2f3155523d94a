"""State in the memory of one process, for tests and experiments."""

from __future__ import annotations

from chalicelib.adapters.memory.stores import (
    MemoryAudit,
    MemoryCatalog,
    MemoryDatabase,
    MemoryExpiring,
    MemorySchedules,
    MemoryTasks,
    MemoryTokens,
)

__all__ = ["MemoryState"]


class MemoryState:
    """The six state ports over shared dictionaries; safe for use by several threads."""

    def __init__(self) -> None:
        database = MemoryDatabase()
        self.tasks = MemoryTasks(database)
        self.catalog = MemoryCatalog(database)
        self.tokens = MemoryTokens(database)
        self.schedules = MemorySchedules(database)
        self.expiring = MemoryExpiring(database)
        self.audit = MemoryAudit(database)
