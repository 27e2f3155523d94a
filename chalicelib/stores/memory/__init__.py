"""All state in the memory of one process: for tests, and for trying things out."""

from __future__ import annotations

from chalicelib.stores.memory.audit import MemoryAudit
from chalicelib.stores.memory.catalog import MemoryCatalog
from chalicelib.stores.memory.database import Database
from chalicelib.stores.memory.expiring import MemoryExpiring
from chalicelib.stores.memory.schedules import MemorySchedules
from chalicelib.stores.memory.tasks import MemoryTasks
from chalicelib.stores.memory.tokens import MemoryTokens

__all__ = ["MemoryState"]


class MemoryState:
    """The six state ports over one set of dictionaries, safe to share between threads."""

    def __init__(self) -> None:
        database = Database()
        self.tasks = MemoryTasks(database)
        self.catalog = MemoryCatalog(database)
        self.tokens = MemoryTokens(database)
        self.schedules = MemorySchedules(database)
        self.expiring = MemoryExpiring(database)
        self.audit = MemoryAudit(database)
