"""Task store that counts retries, faults and ends, once for each write that succeeds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.errors import OURS
from chalicelib.paging import Page
from chalicelib.ports import AuditStore, Catalog, ExpiringStore, Metrics, ScheduleStore, TaskStore, TokenStore
from chalicelib.tasks.model import ChildCounts, Status, Task, TaskFilter


@dataclass(frozen=True)
class MeteredState:
    """State ports of a back end, with a metered task store."""

    tasks: TaskStore
    catalog: Catalog
    tokens: TokenStore
    schedules: ScheduleStore
    audit: AuditStore
    expiring: ExpiringStore


@dataclass(frozen=True)
class MeteredTaskStore:
    """Wrapper of a task store that counts retries and ends; see `TaskStore`."""

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
    """Count a task that has just ended; for callers that end one without `TaskStore.replace`."""
    metrics.count("TasksEnded", type=task.type, status=task.status)
    # A parent has no error of its own; its children's errors are counted.
    if task.status is Status.FAILURE and task.error is not None:
        metrics.count("TasksFailed", reason=task.error.code)
