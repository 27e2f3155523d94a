"""Waiting for a task's end in the name of a client, without taking room that workers need.

A request that waits holds one invocation of the API's function, and on AWS all functions share the account's
concurrency. So a request waits only while its work is likely to be taken soon: as long as no more messages wait for a
worker than there are workers. That bounds how many requests can wait at once, however many come.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.errors import Unavailable
from chalicelib.ports import Clock
from chalicelib.tasks.model import QUEUES, Status, Task, TaskType, queue_of
from chalicelib.tasks.service import Tasks

LOOK_AT_QUEUE_EVERY = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class WaitResult:
    """What became of waiting."""

    task: Task
    """The newest snapshot."""
    is_crowded: bool = False
    """True when waiting ended early, because more work waits than the workers can take at once."""


@dataclass(frozen=True)
class TaskWaiter:
    """Waits for tasks."""

    tasks: Tasks
    backlog: Callable[[str], int]
    """Messages that wait for a worker in the queue of that name; see `Lane.backlog`."""
    clock: Clock
    workers: int
    """Of each queue."""

    def wait(self, task_id: str, until: datetime) -> WaitResult:
        """The task as soon as it is final, as it is at that moment, or as it is when its queue is crowded.

        Raises:
            TaskNotFound: if there is no such task.
        """
        look = _Look(self)
        task = self.tasks.wait(task_id, until - self.clock.now(), goes_on=look.goes_on)
        return WaitResult(task, look.is_crowded)

    def is_crowded(self, task: Task) -> bool:
        """True when more messages wait than the queue's workers and the task itself account for.

        Where the queue does not answer, nobody knows how long waiting would take: that counts as crowded.
        """
        lane = queue_of(TaskType.PROCESS_IMAGE if task.children else task.type) if _has_lane(task) else ""
        if not lane:
            return False
        try:
            return self.backlog(lane) > self.workers + task.children
        except Unavailable:
            return True


def _has_lane(task: Task) -> bool:
    return bool(task.children) or any(task.type in kinds for kinds in QUEUES.values())


@dataclass
class _Look:
    """One request's looks at the queue, a few seconds apart."""

    waiting: TaskWaiter
    is_crowded: bool = field(default=False, init=False)
    _next: datetime | None = field(default=None, init=False)

    def goes_on(self, task: Task) -> bool:
        """Whether to wait for the task any longer."""
        # A worker has it: such tasks are no more than the workers, whatever else waits. A parent only counts others.
        if task.status is Status.STARTED and not task.children:
            return True
        now = self.waiting.clock.now()
        if self._next is None or now >= self._next:
            self._next = now + LOOK_AT_QUEUE_EVERY
            self.is_crowded = self.waiting.is_crowded(task)
        return not self.is_crowded
