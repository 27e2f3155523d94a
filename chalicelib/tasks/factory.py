"""Creates tasks: ids, uploaded files as their sources, parents of bulk uploads, and chunked jobs."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

from chalicelib import storage
from chalicelib.errors import Conflict, Unavailable, WallifyError
from chalicelib.json_formats import ObjectCreated, Work, write
from chalicelib.ports import Clock, ObjectStore, Queue, TaskStore
from chalicelib.tasks.model import Failure, Progress, Status, Subject, Task, TaskType
from chalicelib.tasks.retry_policy import TaskPolicy

STEPS = 2
"""Steps of `process_image`: process and store the picture, publish it."""


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
            subject=Subject(collection, storage.image_id_of(spec.task_id), filename),
            args={"source": storage.incoming(collection, spec.task_id), **spec.args},
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

    def enqueue_once(self, request: JobRequest, *, task_id: str) -> Task | None:
        """Store the job's task and send its message; None if the task exists: of many equal requests one does it.

        Raises: Unavailable, and the job will not run.
        """
        task = self._new_task(request, task_id)
        try:
            self.tasks.add(task)
        except Conflict:
            return None
        return self.announce(task)

    def add(self, request: JobRequest, *, task_id: str | None = None) -> Task:
        """Store the job's task without sending its message."""
        task = self._new_task(request, task_id or self.new_id())
        try:
            self.tasks.add(task)
        except Conflict:
            return self.tasks.get(task.task_id)
        return task

    def _new_task(self, request: JobRequest, task_id: str) -> Task:
        now = self.clock.now()
        return Task(
            task_id=task_id,
            type=request.type,
            created_at=now,
            queued_at=now,
            subject=request.subject,
            args=request.args,
            result=request.report,
            max_attempts=self.policy.max_attempts,
        )

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
    report: Mapping[str, object] | None = None
    """Report of the run that this one continues."""


_NAMESPACE = uuid.UUID("0c2c2f0e-0d2b-5a57-8c39-5d8f3ab1a9f4")
MEMORY = timedelta(hours=24)
"""How long an `Idempotency-Key` is valid; 24 hours is usual for such APIs."""


def id_for(owner: str, key: str, round_: int) -> str:
    """Return the task id for an owner's key; `round_` counts how often the key has expired and been used again."""
    return str(uuid.uuid5(_NAMESPACE, f"{owner}#{key}#{round_}"))


def child_id(parent_id: str, index: int) -> str:
    """Return the id of a parent's child at this index."""
    return str(uuid.uuid5(_NAMESPACE, f"{parent_id}/{index}"))


def on_demand_id(image_id: str, version: int, wish: str, codec: str) -> str:
    """Return the id of the task that makes this rendition of this version of an image."""
    return str(uuid.uuid5(_NAMESPACE, f"on demand#{image_id}#{version}#{wish}#{codec}"))


def retry_id(task_id: str) -> str:
    """Return the id of the task that retries this one."""
    return str(uuid.uuid5(_NAMESPACE, f"retry#{task_id}"))


def fingerprint(parts: Iterable[bytes]) -> str:
    """Return a digest of the parts and of their boundaries: 32 hexadecimal digits."""
    digest = sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()[:32]


VERSION, ETAG = "version", "etag"
"""Arguments of a task: id and ETag of the object version it is bound to. Tasks of older releases have neither."""
REPEATS = "repeats"
"""Argument of a task: ids of further versions with the same bytes, separated by spaces."""
FORM_OF = "form_of"
"""Argument of a task: id of the task whose upload form was used a second time."""
EXPIRES = "upload_expires_at"
"""Argument of a presigned upload's task: when its form expires, ISO 8601."""
_MOST_REPEATS = 20
_EXPIRED = "upload_expired"


def arguments_of(version: str, etag: str) -> dict[str, str]:
    """Return the arguments that bind a task to a version; empty values are left out."""
    return {name: value for name, value in ((VERSION, version), (ETAG, bare(etag))) if value}


def is_tied(task: Task) -> bool:
    """True if the task is bound to an object version."""
    return VERSION in task.args or ETAG in task.args


def belongs(task: Task, event: ObjectCreated) -> bool:
    """Return whether the version of an event belongs to this task: its own version, or one with the same bytes.

    A task without a version accepts the first event, unless it ended because its upload expired. A task that was
    cancelled before its upload accepts every event of its key, so that no other task is created for them.
    """
    if not is_tied(task):
        return not _has_expired(task)
    if is_exactly(task, event):
        return True
    if event.etag and ETAG in task.args:
        return bare(event.etag) == task.args[ETAG]
    return not event.version


def is_exactly(task: Task, event: ObjectCreated) -> bool:
    """True if the event's version is the task's own, or recorded there as a repetition."""
    known = {task.args.get(VERSION), *task.args.get(REPEATS, "").split()}
    return bool(event.version) and event.version in known


def repetition(task: Task, event: ObjectCreated) -> Mapping[str, str]:
    """Return the arguments that record a further version with the task's bytes; empty if there is nothing new."""
    recorded = task.args.get(REPEATS, "").split()
    if not is_tied(task) or not event.version or is_exactly(task, event) or len(recorded) >= _MOST_REPEATS:
        return {}
    return {REPEATS: " ".join((*recorded, event.version))}


def bare(etag: str) -> str:
    """Return the ETag without the quotes that listings put around it."""
    return etag.strip('"')


def _has_expired(task: Task) -> bool:
    return task.status is Status.FAILURE and task.error is not None and task.error.code == _EXPIRED


def is_there(objects: ObjectStore, task: Task) -> bool:
    """Return whether the task's object can be read.

    Raises: Unavailable.
    """
    return objects.exists(task.args["source"], _version_of_reused_form(task))


def has_renditions(objects: ObjectStore, task: Task) -> bool:
    """Return whether an attempt at the task has stored a rendition.

    Raises: Unavailable.
    """
    served = storage.served_of(storage.image_id_of(task.task_id))
    return any(objects.list(prefix, 1).items for prefix in served)


def bytes_of(objects: ObjectStore, task: Task, *, limit: int) -> bytes:
    """Return the bytes of the version that the task is bound to; the newest in a bucket without versions.

    A deleted key counts as missing even if S3 still keeps versions of it, because the file was deleted on purpose.

    Raises:
        ObjectNotFound: the key or the version does not exist.
        PayloadTooLarge: the object has more than `limit` bytes.
        Unavailable: the bucket does not answer.
    """
    source, version = task.args["source"], task.args.get(VERSION, "")
    hidden = _version_of_reused_form(task)
    if hidden:
        return objects.get(source, limit=limit, version=hidden)
    try:
        return objects.get(source, limit=limit, etag=task.args.get(ETAG, ""))
    except Conflict:
        return objects.get(source, limit=limit, version=version)


def _version_of_reused_form(task: Task) -> str:
    # The task of the form's first use deletes the key at its end; the other versions must still be readable then.
    return task.args.get(VERSION, "") if FORM_OF in task.args else ""
