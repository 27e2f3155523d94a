"""S3 events: the task for each object created in the bucket; objects of other tools get a task of their own.

The reconciler does the same for objects whose event was lost or sent while no queue received events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from chalicelib import names, storage
from chalicelib.errors import Conflict, TaskNotFound
from chalicelib.json_formats import ObjectCreated, Work, write
from chalicelib.names import FOLDER, reason_to_ignore
from chalicelib.ports import Clock, Metrics, Queue, TaskStore
from chalicelib.storage import StoredObject
from chalicelib.tasks.factory import FORM_OF, STEPS, VERSION, arguments_of, bare, belongs, is_exactly, repetition
from chalicelib.tasks.model import WARNINGS, Progress, Report, Subject, Task, TaskType
from chalicelib.tasks.retry_policy import TaskPolicy
from chalicelib.telemetry import NULL_METRICS, log


@dataclass(frozen=True)
class S3Events:
    """Maps S3 events to tasks."""

    tasks: TaskStore
    clock: Clock
    policy: TaskPolicy
    metrics: Metrics = NULL_METRICS

    def task_id(self, event: ObjectCreated) -> str | None:
        """Return the id of the task that `task` returns."""
        task = self.task(event)
        return None if task is None else task.task_id

    def task(self, event: ObjectCreated) -> Task | None:
        """Return the task for an event's object version, created if it has none; None if it is no upload.

        The first version of an upload by the API or a form belongs to the task in its key. Other bytes under the same
        key, and objects of other tools, get a task of their own. The same event always returns the same task.
        """
        found = storage.read_incoming(event.key)
        task = self._task_of_key(found.task_id, event.key) if found and found.task_id is not None else None
        if task is None:
            return self._task_for_direct_upload(event, found)
        if belongs(task, event):
            return self._record_repetition(task, event)
        args = {FORM_OF: task.task_id, **{name: task.args[name] for name in ("on_duplicate",) if name in task.args}}
        return self._create(event, task.subject, args)

    def is_known(self, event: ObjectCreated) -> bool:
        """True if a task exists for these bytes of the key, or the object is to be ignored."""
        found = storage.read_incoming(event.key)
        if found is None:
            return True
        task = self._task_of_key(found.task_id, event.key) if found.task_id is not None else None
        if belongs(task, event) if task else reason_to_ignore(event.key, event.size) is not None:
            return True
        try:
            self.tasks.get(id_of_direct_upload(event.bucket, event.key, event.etag))
        except TaskNotFound:
            return False
        return True

    def _task_of_key(self, task_id: str, key: str) -> Task | None:
        try:
            task = self.tasks.get(task_id)
        except TaskNotFound:
            return None
        return task if task.args.get("source") == key else None

    def _record_repetition(self, task: Task, event: ObjectCreated) -> Task:
        """Return the task; record the event's version with the task if it is a repetition of its bytes."""
        args = repetition(task, event)
        if not args:
            return task
        try:
            recorded = self.tasks.replace(task, task.with_args(args))
        except Conflict:
            return self._record_repetition(self.tasks.get(task.task_id), event)
        log.info("same bytes again", extra={"task_id": task.task_id, "version": event.version})
        return recorded

    def _new_task_id(self, event: ObjectCreated) -> str:
        """Return the id of the task for a key's bytes; another one for the same bytes written after that task's end."""
        bucket, key, etag, sequencer = event.bucket, event.key, event.etag, event.sequencer
        discriminator = f"version:{event.version}" if event.version else sequencer
        if not etag:
            return storage.task_id_of(bucket, key, discriminator)
        first = id_of_direct_upload(bucket, key, etag)
        try:
            task = self.tasks.get(first)
        except TaskNotFound:
            return first
        if not task.is_final or is_exactly(task, event):
            return self._record_repetition(task, event).task_id
        # A task without a version comes from a listing or an older release, and has at most a sequencer.
        is_known = VERSION not in task.args and task.args.get("sequencer", "") in {sequencer, ""}
        return first if is_known or not (sequencer or event.version) else storage.task_id_of(bucket, key, discriminator)

    def _task_for_direct_upload(self, event: ObjectCreated, found: storage.Incoming | None) -> Task | None:
        """Create the task for another tool's object; count and ignore what is no upload."""
        reason = reason_to_ignore(event.key, event.size)
        if found is None or reason is not None:
            if event.key.startswith(storage.INCOMING):
                self.metrics.count("UploadsRefused", reason=reason or FOLDER)
            return None
        collection, warning = names.folder_collection(found.collection)
        subject = Subject(collection, filename=names.shown(found.filename))
        return self._create(event, subject, {WARNINGS: warning} if warning else {})

    def _create(self, event: ObjectCreated, subject: Subject, args: Mapping[str, str]) -> Task:
        task_id, now = self._new_task_id(event), self.clock.now()
        version = arguments_of(event.version, event.etag)
        task = Task(
            task_id=task_id,
            type=TaskType.PROCESS_IMAGE,
            created_at=now,
            queued_at=now,
            subject=replace(subject, image_id=storage.image_id_of(task_id)),
            args={"source": event.key, "adopted": "true", "sequencer": event.sequencer, **version, **args},
            max_attempts=self.policy.max_attempts,
            progress=Progress(0, STEPS, "queued"),
        )
        try:
            self.tasks.add(task)
        except Conflict:
            return self.tasks.get(task_id)
        self.metrics.count("UploadsAccepted", door="bucket")
        return task


def id_of_direct_upload(bucket: str, key: str, etag: str) -> str:
    """Return the id of the task for another tool's object, by its key and ETag."""
    return storage.task_id_of(bucket, key, f"etag:{bare(etag)}")


@dataclass(frozen=True)
class Reconciler:
    """Creates tasks for uploads without one; the same upload always gets the same task."""

    s3_events: S3Events
    queue: Queue
    bucket: str

    def task_id_of(self, upload: StoredObject) -> str:
        """Return the id of the task that this object gets, or got in an earlier run."""
        return id_of_direct_upload(self.bucket, upload.key, upload.etag)

    def create_task(self, upload: StoredObject, report: Report) -> Report:
        """Create the upload's task, send its message, and count it in the report."""
        task_id = self.s3_events.task_id(self._event_for(upload))
        if task_id is None:
            return report
        self.queue.send(write(Work(task_id)))
        return report.plus("put_to_work", example=upload.key)

    def reconcile_version(self, upload: StoredObject, report: Report) -> Report:
        """Create a task for an object version without one: its key was overwritten before its event was received."""
        return report if self.s3_events.is_known(self._event_for(upload)) else self.create_task(upload, report)

    def _event_for(self, upload: StoredObject) -> ObjectCreated:
        # A listing has no sequencer; the same bytes under the same key are the same upload.
        return ObjectCreated(self.bucket, upload.key, upload.bytes, "", upload.etag, upload.version)
