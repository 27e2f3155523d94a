"""TaskStore in memory."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from operator import itemgetter

from chalicelib.core.paging import Page
from chalicelib.core.tasks import Tally, Task, TaskFilter
from chalicelib.errors import Conflict, TaskNotFound
from chalicelib.stores.memory.database import Database
from chalicelib.stores.pages import after_sibling, after_time, page_of, place_among_siblings, place_in_time


class MemoryTasks:
    """See `chalicelib.ports.TaskStore`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, task: Task) -> None:
        """See `TaskStore.add`."""
        with self._db.lock:
            if task.task_id in self._db.tasks:
                raise Conflict("There is a task with this id already.", task_id=task.task_id)
            self._db.put(None, task)

    def get(self, task_id: str) -> Task:
        """See `TaskStore.get`."""
        with self._db.lock:
            task = self._db.tasks.get(task_id)
        if task is None:
            raise TaskNotFound(task_id=task_id)
        return task

    def replace(self, before: Task, after: Task) -> Task:
        """See `TaskStore.replace`."""
        with self._db.lock:
            self._db.must_still_be(before)
            return self._db.put(before, after)

    def active(self, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.active`."""
        with self._db.lock:
            tasks = [self._db.tasks[task_id] for task_id in self._db.active]
        start = after_time(cursor) or ""
        return page_of((placed for placed in sorted(_placed(tasks), key=itemgetter(0)) if placed[0] > start), limit)

    def history(self, wanted: TaskFilter, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.history`."""
        with self._db.lock:
            tasks = [task for task in self._db.tasks.values() if wanted.matches(task)]
        newest_first = sorted(_placed(tasks), key=itemgetter(0), reverse=True)
        start = after_time(cursor) or _LAST
        return page_of((placed for placed in newest_first if placed[0] < start), limit)

    def children(self, parent_id: str, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.children`."""
        with self._db.lock:
            tasks = [task for task in self._db.tasks.values() if task.parent_id == parent_id]
        start = after_sibling(cursor) or ""
        in_order = sorted(((place_among_siblings(task), task) for task in tasks), key=itemgetter(0))
        return page_of((placed for placed in in_order if placed[0] > start), limit)

    def forget(self, now: datetime, limit: int) -> int:
        """See `TaskStore.forget`."""
        with self._db.lock:
            over = [task.task_id for task in self._db.tasks.values() if task.expires_at and task.expires_at <= now][
                :limit
            ]
            for task_id in over:
                del self._db.tasks[task_id]
        return len(over)

    def tally(self, parent_id: str) -> Tally:
        """See `TaskStore.tally`."""
        with self._db.lock:
            return self._db.tallies.get(parent_id, Tally())


_LAST = "~"
"""Sorts after every place."""


def _placed(tasks: Iterable[Task]) -> Iterable[tuple[str, Task]]:
    return ((place_in_time(task.created_at, task.task_id), task) for task in tasks)
