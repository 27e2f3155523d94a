"""Opening long jobs: the task's row, then the message that starts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from chalicelib.core.messages import Work, write
from chalicelib.core.tasks import Failure, Status, Subject, Task, TaskType
from chalicelib.errors import Conflict, Unavailable
from chalicelib.ports import Clock, Queue, TaskStore
from chalicelib.services.rules import TaskRules


@dataclass(frozen=True)
class Jobs:
    """Opens tasks that are worked off in slices."""

    tasks: TaskStore
    queues: Mapping[TaskType, Queue]
    clock: Clock
    rules: TaskRules
    new_id: Callable[[], str]

    def open(self, asked: Asked, *, task_id: str | None = None) -> Task:
        """The job's task, waiting for its worker; the same id finds the same task. Unavailable: it will not run."""
        return self.announce(self.add(asked, task_id=task_id))

    def add(self, asked: Asked, *, task_id: str | None = None) -> Task:
        """The job's task, stored but not announced."""
        now = self.clock.now()
        task = Task(
            task_id=task_id or self.new_id(),
            type=asked.type,
            created_at=now,
            queued_at=now,
            subject=asked.subject,
            args=asked.args,
            max_attempts=self.rules.max_attempts,
        )
        try:
            self.tasks.add(task)
        except Conflict:
            return self.tasks.get(task.task_id)
        return task

    def announce(self, task: Task) -> Task:
        """Send the message of a task that waits for its first; a second message is harmless."""
        if task.status is not Status.PENDING:
            return task
        try:
            self.queues[task.type].send(write(Work(task.task_id)))
        except Unavailable as fault:
            self.end(task, Failure.of(fault))
            raise
        return task

    def end(self, task: Task, error: Failure) -> None:
        """End a task that nobody works on; if somebody has moved it meanwhile, that is right."""
        with suppress(Conflict):
            self.tasks.replace(task, task.failed(error, now=self.clock.now(), keep=self.rules.keep_failed))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a long job is to do."""

    type: TaskType
    subject: Subject = field(default_factory=Subject)
    args: Mapping[str, str] = field(default_factory=dict)
