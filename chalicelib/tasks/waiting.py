"""Waiting for a task's end within a request, without taking concurrency from workers.

A waiting request holds one invocation of the API's function, and on AWS all functions share the account's concurrency.
So a request waits only while its task is likely to be taken soon: as long as no more messages wait for a worker than
there are workers. That bounds the number of requests that wait at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.errors import Unavailable
from chalicelib.ports import Clock
from chalicelib.tasks.model import QUEUES, Status, Task, TaskType, queue_of
from chalicelib.tasks.service import Tasks

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
    clock: Clock
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
