"""What is told about tasks, counted where a write has succeeded: once, whoever made it and however often he tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.errors import OURS
from chalicelib.paging import Page
from chalicelib.ports import AuditStore, Catalog, ExpiringStore, Metrics, ScheduleStore, TaskStore, TokenStore
from chalicelib.tasks.model import ChildCounts, Status, Task, TaskFilter


@dataclass(frozen=True)
class MeteredState:
    """The state ports of a back end whose tasks are counted."""

    tasks: TaskStore
    catalog: Catalog
    tokens: TokenStore
    schedules: ScheduleStore
    audit: AuditStore
    expiring: ExpiringStore


@dataclass(frozen=True)
class MeteredTaskStore:
    """A task store that counts retries and ends, and is in all else the one behind it; see TaskStore."""

    store: TaskStore
    metrics: Metrics

    def replace(self, before: Task, after: Task) -> Task:
        """See `TaskStore.replace`."""
        stored = self.store.replace(before, after)
        error = stored.error
        if error is not None and error.code in OURS and stored.status in {Status.RETRY, Status.FAILURE}:
            self.metrics.count("Faults", cause=error.code)
        if stored.status is Status.RETRY and before.status is not Status.RETRY:
            self.metrics.count("Retries", reason=error.code if error else "unknown")
        if stored.is_final and not before.is_final:
            count_end(self.metrics, stored)
        return stored

    def add(self, task: Task) -> None:
        """See `TaskStore.add`."""
        self.store.add(task)

    def get(self, task_id: str) -> Task:
        """See `TaskStore.get`."""
        return self.store.get(task_id)

    def active(self, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.active`."""
        return self.store.active(limit, cursor)

    def history(self, wanted: TaskFilter, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.history`."""
        return self.store.history(wanted, limit, cursor)

    def children(self, parent_id: str, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.children`."""
        return self.store.children(parent_id, limit, cursor)

    def delete_expired(self, now: datetime, limit: int) -> int:
        """See `TaskStore.delete_expired`."""
        return self.store.delete_expired(now, limit)

    def child_counts(self, parent_id: str) -> ChildCounts:
        """See `TaskStore.child_counts`."""
        return self.store.child_counts(parent_id)


def count_end(metrics: Metrics, task: Task) -> None:
    """Count a task that has ended just now; for whoever ends one without `TaskStore.replace`."""
    metrics.count("TasksEnded", type=task.type, status=task.status)
    # A parent has no reason of its own; its children have counted theirs.
    if task.status is Status.FAILURE and task.error is not None:
        metrics.count("TasksFailed", reason=task.error.code)
