"""Use cases on tasks: read, list, wait, cancel, a cache of recent tasks, and a store that counts their changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib import ports
from chalicelib.errors import OURS, Conflict, IllegalTransition, Unavailable
from chalicelib.tasks.model import (
    QUEUES,
    ChildCounts,
    FirstClaim,
    Progress,
    Status,
    Task,
    TaskFilter,
    TaskType,
    queue_of,
)
from chalicelib.tasks.parents import ParentTasks
from chalicelib.tasks.retry_policy import TaskPolicy

_OVERLAP = timedelta(minutes=2)
"""Overlap of two reads: a row is stored shortly after its creation time, and history is eventually consistent."""
_MOST_PAGES = 8
"""Most pages of history in one read; pages may be short."""


@dataclass(frozen=True)
class RecentTasks:
    """Result of a read of recent tasks."""

    tasks: tuple[Task, ...]
    """Newest first, final or not."""
    active: tuple[Task, ...]
    """Tasks of any age that are not final, oldest first, up to a limit."""
    is_complete: bool
    """False if there are more tasks than the cache holds."""


@dataclass(frozen=True)
class _Cached:
    tasks: Mapping[str, Task]
    since: datetime
    """All tasks created since then are in the cache, as of `seen`."""
    seen: datetime
    is_cut: bool
    """True if older tasks were dropped for lack of room."""


class RecentTaskCache:
    """Cache of up to `most` tasks. Final tasks never change, so only those of the last minutes are read again."""

    def __init__(
        self, store: ports.TaskStore, clock: ports.Clock, *, most: int = 4_000, most_active: int = 500
    ) -> None:
        self._store, self._clock, self._most, self._most_active = store, clock, most, most_active
        self._cached: _Cached | None = None

    def since(self, start: datetime) -> RecentTasks:
        """Return the tasks created at or after this time.

        The cost is proportional to the tasks that are active or were created or ended since the last call, at most
        `most`; a first call, or one further back than any before, reads the whole range.
        """
        now, active = self._clock.now(), self._store.active(self._most_active).items
        cached = self._cached
        if cached is None or (start < cached.since and not cached.is_cut):
            cached = self._read(start, now)
        else:
            cached = self._refreshed(cached, active, now)
        self._cached = cached
        task_filter = tuple(task for task in cached.tasks.values() if task.created_at >= start)
        return RecentTasks(task_filter, active, cached.since <= start)

    def _refreshed(self, cached: _Cached, active: Iterable[Task], now: datetime) -> _Cached:
        open_now = {task.task_id: task for task in active if task.created_at >= cached.since}
        left = [task for task in cached.tasks.values() if not task.is_final and task.task_id not in open_now]
        # A task that is no longer active has ended, or is beyond the limit of active ones; both are read from history.
        again = min([cached.seen - _OVERLAP, *(task.created_at for task in left)])
        fresh = self._read(max(again, cached.since), now)
        if fresh.is_cut:
            return fresh
        ended = {task.task_id: task for task in cached.tasks.values() if task.is_final}
        together = {**cached.tasks, **open_now, **fresh.tasks, **ended}
        return self._cut(together.values(), cached.since, now, is_cut=cached.is_cut)

    def _read(self, since: datetime, now: datetime) -> _Cached:
        found: list[Task] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = self._store.history(TaskFilter(since=since), self._most, cursor)
            found.extend(page.items)
            cursor = page.next_cursor
            if cursor is None or len(found) >= self._most:
                break
        return self._cut(found, since, now, is_cut=cursor is not None)

    def _cut(self, tasks: Iterable[Task], since: datetime, now: datetime, *, is_cut: bool) -> _Cached:
        newest = sorted(tasks, key=lambda task: (task.created_at, task.task_id), reverse=True)
        kept = {task.task_id: task for task in newest[: self._most]}
        if len(newest) > self._most or (is_cut and newest):
            since, is_cut = max(since, newest[len(kept) - 1].created_at), True
        return _Cached(kept, since, now, is_cut)


_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 0.5
_CHILDREN_PER_REQUEST = 200
_TIME_FOR_CHILDREN = timedelta(seconds=5)
"""Time within a request; the sweeper cancels the remaining children."""


@dataclass(frozen=True)
class Tasks:
    """Use cases of clients and operators on tasks."""

    store: ports.TaskStore
    clock: ports.Clock
    policy: TaskPolicy
    parents: ParentTasks

    def get(self, task_id: str) -> Task:
        """Return the newest snapshot.

        Raises: TaskNotFound.
        """
        return self.store.get(task_id)

    def wait(self, task_id: str, timeout: timedelta, *, keep_waiting: Callable[[Task], bool] = lambda _: True) -> Task:
        """Return the task as soon as it is final, or as it is after `timeout` or when `keep_waiting` returns False.

        Raises: TaskNotFound.
        """
        until, pause = self.clock.now() + timeout, _FIRST_PAUSE
        while not (task := self.store.get(task_id)).is_final:
            left = (until - self.clock.now()).total_seconds()
            if left <= 0 or not keep_waiting(task):
                break
            self.clock.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        return task

    def with_child_counts(self, task: Task) -> Task:
        """Return a running parent with its children counted; return any other task unchanged."""
        if not task.children or task.is_final:
            return task
        counts = self.store.child_counts(task.task_id)
        return replace(
            task, progress=Progress(counts.finished, task.children, task.progress.stage), result=asdict(counts)
        )

    def active(self, limit: int, cursor: str | None = None) -> ports.Page[Task]:
        """Return tasks that are not final, oldest first."""
        return self.store.active(limit, cursor)

    def history(self, task_filter: TaskFilter, limit: int, cursor: str | None = None) -> ports.Page[Task]:
        """Return tasks that match the filter, newest first."""
        return self.store.history(task_filter, limit, cursor)

    def cancel(self, task_id: str) -> Task:
        """Cancel a task: one that waits is REVOKED at once, one that runs gets a cancel request for its next step.

        A parent's children are cancelled with it: the first 200 in this call, the others by workers or the sweeper. A
        second call returns the same task.

        Raises:
            TaskNotFound: there is no such task.
            IllegalTransition: the task has already ended otherwise (detail `status`).
        """
        task = self.store.get(task_id)
        if task.status is Status.REVOKED or (task.cancel_requested and not task.is_final):
            return task
        if task.is_final:
            raise IllegalTransition("task.already_ended", task_id=task_id, status=task.status)
        try:
            stopped = self.store.replace(task, task.cancelled(now=self.clock.now(), keep=self.policy.keep))
        except Conflict:
            # A worker changed it between the read and the write; its new state decides.
            return self.cancel(task_id)
        return self._with_children(stopped)

    def _with_children(self, stopped: Task) -> Task:
        if stopped.children:
            until = self.clock.now() + _TIME_FOR_CHILDREN
            for child in self.store.children(stopped.task_id, _CHILDREN_PER_REQUEST).items:
                if self.clock.now() >= until:
                    break
                # A child that has just ended must not keep the others from being cancelled.
                with suppress(IllegalTransition):
                    self.cancel(child.task_id)
            return self.parents.finish_if_done(self.store.get(stopped.task_id))
        if stopped.is_final and stopped.parent_id is not None:
            self.parents.child_ended(stopped.parent_id)
        return stopped


QUEUE_CHECK_INTERVAL = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class WaitResult:
    """Result of waiting for a task."""

    task: Task
    """Newest snapshot."""
    is_crowded: bool = False
    """True if waiting ended early, because more messages wait than the workers can take at once."""


@dataclass(frozen=True)
class TaskWaiter:
    """Waits for the end of tasks while their queue is short."""

    tasks: Tasks
    backlog: Callable[[str], int]
    """Returns the number of messages that wait for a worker in the queue of this name."""
    clock: ports.Clock
    workers: int
    """Number of workers of each queue."""

    def wait(self, task_id: str, until: datetime) -> WaitResult:
        """Return the task as soon as it is final, or as it is at `until` or when its queue becomes crowded.

        Raises: TaskNotFound.
        """
        check = _QueueCheck(self)
        task = self.tasks.wait(task_id, until - self.clock.now(), keep_waiting=check.keep_waiting)
        return WaitResult(task, check.is_crowded)

    def is_crowded(self, task: Task) -> bool:
        """True if more messages wait than there are workers of the queue and children of the task.

        A queue that does not answer counts as crowded, because the time to wait is then unknown.
        """
        queue = queue_of(TaskType.PROCESS_IMAGE if task.children else task.type) if _has_queue(task) else ""
        if not queue:
            return False
        try:
            return self.backlog(queue) > self.workers + task.children
        except Unavailable:
            return True


def _has_queue(task: Task) -> bool:
    return bool(task.children) or any(task.type in kinds for kinds in QUEUES.values())


@dataclass
class _QueueCheck:
    """Check of the queue's length during one request, every few seconds."""

    waiting: TaskWaiter
    is_crowded: bool = field(default=False, init=False)
    _next_check: datetime | None = field(default=None, init=False)

    def keep_waiting(self, task: Task) -> bool:
        """Return whether to wait longer for the task."""
        # A running task has its worker, so their number is bounded. A parent runs without one.
        if task.status is Status.STARTED and not task.children:
            return True
        now = self.waiting.clock.now()
        if self._next_check is None or now >= self._next_check:
            self._next_check = now + QUEUE_CHECK_INTERVAL
            self.is_crowded = self.waiting.is_crowded(task)
        return not self.is_crowded


class AdminState(Protocol):
    """The ports of a back end that no worker needs; some back ends build them on first use."""

    @property
    def tokens(self) -> ports.TokenStore: ...  # noqa: D102  # the port itself says what it promises
    @property
    def schedules(self) -> ports.ScheduleStore: ...  # noqa: D102
    @property
    def audit(self) -> ports.AuditStore: ...  # noqa: D102
    @property
    def expiring(self) -> ports.ExpiringStore: ...  # noqa: D102


@dataclass(frozen=True)
class MeteredState:
    """State ports of a back end, with a metered task store."""

    tasks: ports.TaskStore
    catalog: ports.Catalog
    admin: AdminState

    @property
    def tokens(self) -> ports.TokenStore:
        """Tokens of the API."""
        return self.admin.tokens

    @property
    def schedules(self) -> ports.ScheduleStore:
        """States of the schedules."""
        return self.admin.schedules

    @property
    def audit(self) -> ports.AuditStore:
        """The audit log."""
        return self.admin.audit

    @property
    def expiring(self) -> ports.ExpiringStore:
        """Records that expire."""
        return self.admin.expiring


@dataclass(frozen=True)
class MeteredTaskStore:
    """Wrapper of a task store that counts retries and ends; see `TaskStore`."""

    store: ports.TaskStore
    metrics: ports.Metrics

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

    def claim(self, claim: FirstClaim) -> Task | None:
        """See `TaskStore.claim`."""
        return self.store.claim(claim)

    def get(self, task_id: str) -> Task:
        """See `TaskStore.get`."""
        return self.store.get(task_id)

    def active(self, limit: int, cursor: str | None = None) -> ports.Page[Task]:
        """See `TaskStore.active`."""
        return self.store.active(limit, cursor)

    def history(self, wanted: TaskFilter, limit: int, cursor: str | None = None) -> ports.Page[Task]:
        """See `TaskStore.history`."""
        return self.store.history(wanted, limit, cursor)

    def children(self, parent_id: str, limit: int, cursor: str | None = None) -> ports.Page[Task]:
        """See `TaskStore.children`."""
        return self.store.children(parent_id, limit, cursor)

    def delete_expired(self, now: datetime, limit: int) -> int:
        """See `TaskStore.delete_expired`."""
        return self.store.delete_expired(now, limit)

    def child_counts(self, parent_id: str) -> ChildCounts:
        """See `TaskStore.child_counts`."""
        return self.store.child_counts(parent_id)


def count_end(metrics: ports.Metrics, task: Task) -> None:
    """Count a task that has just ended; for callers that end one without `TaskStore.replace`."""
    metrics.count("TasksEnded", type=task.type, status=task.status)
    # A parent has no error of its own; its children's errors are counted.
    if task.status is Status.FAILURE and task.error is not None:
        metrics.count("TasksFailed", reason=task.error.code)
