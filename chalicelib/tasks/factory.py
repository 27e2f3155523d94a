"""Creates tasks: one per uploaded file, parents of bulk uploads, and chunked jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from chalicelib import storage_keys
from chalicelib.errors import Conflict, Unavailable, WallifyError
from chalicelib.messages import Work, write
from chalicelib.ports import Clock, Queue, TaskStore
from chalicelib.tasks.model import Failure, Progress, Status, Subject, Task, TaskType
from chalicelib.tasks.retry_policy import TaskPolicy

STEPS = 3
"""Steps of `process_image`: process, store, publish."""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """Where a task stands among others."""

    task_id: str
    parent_id: str | None = None
    index: int | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    """Added to the task's own."""


@dataclass(frozen=True)
class TaskFactory:
    """Opens tasks; nothing is stored here."""

    clock: Clock
    policy: TaskPolicy

    def image_task(self, place: TaskSpec, collection: str, filename: str, *, stage: str = "queued") -> Task:
        """A `process_image` task that waits for its object under `incoming/`."""
        now = self.clock.now()
        return Task(
            task_id=place.task_id,
            type=TaskType.PROCESS_IMAGE,
            created_at=now,
            queued_at=now,
            subject=Subject(collection, storage_keys.image_id_of(place.task_id), filename),
            args={"source": storage_keys.incoming(collection, place.task_id), **place.args},
            progress=Progress(0, STEPS, stage),
            max_attempts=self.policy.max_attempts,
            parent_id=place.parent_id,
            index=place.index,
        )

    def parent_task(self, task_id: str, collection: str, children: int, args: Mapping[str, str]) -> Task:
        """A `bulk_process_images` task: it runs, held by nobody, until its last child has ended."""
        now = self.clock.now()
        return Task(
            task_id=task_id,
            type=TaskType.BULK_PROCESS_IMAGES,
            created_at=now,
            queued_at=now,
            started_at=now,
            status=Status.STARTED,
            subject=Subject(collection),
            args=args,
            progress=Progress(0, children, "processing"),
            children=children,
            max_attempts=1,
        )

    def as_refused(self, task: Task, fault: WallifyError) -> Task:
        """The task, ended because its file could not be taken in."""
        return task.failed(Failure.of(fault), now=self.clock.now(), keep=self.policy.keep_failed)

    def as_duplicate(self, task: Task, image_id: str) -> Task:
        """The task, ended because the collection has these bytes already."""
        return task.succeeded({"image_id": image_id, "duplicate": True}, now=self.clock.now(), keep=self.policy.keep)


@dataclass(frozen=True)
class JobEnqueuer:
    """Opens tasks that are worked off in slices."""

    tasks: TaskStore
    queues: Mapping[TaskType, Queue]
    clock: Clock
    policy: TaskPolicy
    new_id: Callable[[], str]

    def enqueue(self, asked: JobRequest, *, task_id: str | None = None) -> Task:
        """The job's task, waiting for its worker; the same id finds the same task. Unavailable: it will not run."""
        return self.announce(self.add(asked, task_id=task_id))

    def add(self, asked: JobRequest, *, task_id: str | None = None) -> Task:
        """The job's task, stored but not announced."""
        now = self.clock.now()
        task = Task(
            task_id=task_id or self.new_id(),
            type=asked.type,
            created_at=now,
            queued_at=now,
            subject=asked.subject,
            args=asked.args,
            max_attempts=self.policy.max_attempts,
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
            self.fail(task, Failure.of(fault))
            raise
        return task

    def fail(self, task: Task, error: Failure) -> None:
        """End a task that nobody works on; if somebody has moved it meanwhile, that is right."""
        with suppress(Conflict):
            self.tasks.replace(task, task.failed(error, now=self.clock.now(), keep=self.policy.keep_failed))


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a long job is to do."""

    type: TaskType
    subject: Subject = field(default_factory=Subject)
    args: Mapping[str, str] = field(default_factory=dict)
