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
    """Identity of a task to create: its id, its parent and its further arguments."""

    task_id: str
    parent_id: str | None = None
    index: int | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    """Added to the task's own arguments."""


@dataclass(frozen=True)
class TaskFactory:
    """Factory of tasks; it stores nothing."""

    clock: Clock
    policy: TaskPolicy

    def image_task(self, spec: TaskSpec, collection: str, filename: str, *, stage: str = "queued") -> Task:
        """Create a `process_image` task that waits for its object under `incoming/`."""
        now = self.clock.now()
        return Task(
            task_id=spec.task_id,
            type=TaskType.PROCESS_IMAGE,
            created_at=now,
            queued_at=now,
            subject=Subject(collection, storage_keys.image_id_of(spec.task_id), filename),
            args={"source": storage_keys.incoming(collection, spec.task_id), **spec.args},
            progress=Progress(0, STEPS, stage),
            max_attempts=self.policy.max_attempts,
            parent_id=spec.parent_id,
            index=spec.index,
        )

    def parent_task(self, task_id: str, collection: str, children: int, args: Mapping[str, str]) -> Task:
        """Create a `bulk_process_images` task: STARTED, without a lease, until its last child has ended."""
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
        """Return the task ended as FAILURE, because its file could not be accepted."""
        return task.failed(Failure.of(fault), now=self.clock.now(), keep=self.policy.keep_failed)

    def as_duplicate(self, task: Task, image_id: str) -> Task:
        """Return the task ended as SUCCESS with the image that has the same bytes."""
        return task.succeeded({"image_id": image_id, "duplicate": True}, now=self.clock.now(), keep=self.policy.keep)


@dataclass(frozen=True)
class JobEnqueuer:
    """Creates and enqueues chunked jobs."""

    tasks: TaskStore
    queues: Mapping[TaskType, Queue]
    clock: Clock
    policy: TaskPolicy
    new_id: Callable[[], str]

    def enqueue(self, request: JobRequest, *, task_id: str | None = None) -> Task:
        """Store the job's task and send its message; the same `task_id` returns the same task.

        Raises: Unavailable, and the job will not run.
        """
        return self.announce(self.add(request, task_id=task_id))

    def add(self, request: JobRequest, *, task_id: str | None = None) -> Task:
        """Store the job's task without sending its message."""
        now = self.clock.now()
        task = Task(
            task_id=task_id or self.new_id(),
            type=request.type,
            created_at=now,
            queued_at=now,
            subject=request.subject,
            args=request.args,
            max_attempts=self.policy.max_attempts,
        )
        try:
            self.tasks.add(task)
        except Conflict:
            return self.tasks.get(task.task_id)
        return task

    def announce(self, task: Task) -> Task:
        """Send the message of a PENDING task; a duplicate message is harmless.

        Raises: Unavailable, after the task has been ended as FAILURE.
        """
        if task.status is not Status.PENDING:
            return task
        try:
            self.queues[task.type].send(write(Work(task.task_id)))
        except Unavailable as fault:
            self.fail(task, Failure.of(fault))
            raise
        return task

    def fail(self, task: Task, error: Failure) -> None:
        """End a task that no worker holds as FAILURE; leave it alone if it has changed meanwhile."""
        with suppress(Conflict):
            self.tasks.replace(task, task.failed(error, now=self.clock.now(), keep=self.policy.keep_failed))


@dataclass(frozen=True, slots=True)
class JobRequest:
    """Request for a chunked job."""

    type: TaskType
    subject: Subject = field(default_factory=Subject)
    args: Mapping[str, str] = field(default_factory=dict)
