"""Tasks of objects created in the bucket; objects written by other tools get a task of their own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from chalicelib import names, storage_keys
from chalicelib.errors import Conflict, TaskNotFound
from chalicelib.messages import ObjectCreated
from chalicelib.metrics import NULL_METRICS
from chalicelib.names import FOLDER, reason_to_ignore
from chalicelib.ports import Clock, Metrics, TaskStore
from chalicelib.tasks.factory import STEPS
from chalicelib.tasks.model import WARNINGS, Progress, Subject, Task, TaskType
from chalicelib.tasks.retry_policy import TaskPolicy
from chalicelib.tasks.source import FORM_OF, VERSION, arguments_of, bare, belongs, is_exactly, repetition
from chalicelib.telemetry import log


@dataclass(frozen=True)
class S3Events:
    """Turns S3's announcements into task ids."""

    tasks: TaskStore
    clock: Clock
    policy: TaskPolicy
    metrics: Metrics = NULL_METRICS

    def task_id(self, arrival: ObjectCreated) -> str | None:
        """The task for an announced version, opened if it has none yet; None for a key that is no upload.

        An upload through the API or by a form is its task's, the first version at least; other bytes under the same key
        get a task of their own, and so does what another tool puts there. The same announcement always finds the same
        task.
        """
        found = storage_keys.read_incoming(arrival.key)
        ours = self._waiting_for(found.task_id, arrival.key) if found and found.task_id is not None else None
        if ours is None:
            return self._dropped(arrival, found)
        if belongs(ours, arrival):
            return self._noted(ours, arrival)
        again = {FORM_OF: ours.task_id, **{name: ours.args[name] for name in ("on_duplicate",) if name in ours.args}}
        return self._adopt(arrival, ours.subject, again)

    def is_known(self, arrival: ObjectCreated) -> bool:
        """True where a task has these bytes of the key already, or nothing is to be done about them."""
        found = storage_keys.read_incoming(arrival.key)
        if found is None:
            return True
        ours = self._waiting_for(found.task_id, arrival.key) if found.task_id is not None else None
        if belongs(ours, arrival) if ours else reason_to_ignore(arrival.key, arrival.size) is not None:
            return True
        try:
            self.tasks.get(id_of_direct_upload(arrival.bucket, arrival.key, arrival.etag))
        except TaskNotFound:
            return False
        return True

    def _waiting_for(self, task_id: str, key: str) -> Task | None:
        try:
            task = self.tasks.get(task_id)
        except TaskNotFound:
            return None
        return task if task.args.get("source") == key else None

    def _noted(self, task: Task, arrival: ObjectCreated) -> str:
        """The task's id; where it has these bytes already, from another version, that is noted with it."""
        note = repetition(task, arrival)
        if note:
            try:
                self.tasks.replace(task, task.with_args(note))
            except Conflict:
                return self._noted(self.tasks.get(task.task_id), arrival)
            log.info("same bytes again", extra={"task_id": task.task_id, "version": arrival.version})
        return task.task_id

    def _adopted_id(self, arrival: ObjectCreated) -> str:
        """One task for the bytes of a key; another for the same bytes, written again after that one has ended."""
        bucket, key, etag, sequencer = arrival.bucket, arrival.key, arrival.etag, arrival.sequencer
        mark = f"version:{arrival.version}" if arrival.version else sequencer
        if not etag:
            return storage_keys.task_id_of(bucket, key, mark)
        first = id_of_direct_upload(bucket, key, etag)
        try:
            task = self.tasks.get(first)
        except TaskNotFound:
            return first
        if not task.is_final or is_exactly(task, arrival):
            return self._noted(task, arrival)
        # A task without a version is from a listing or an older release, and knows at most the sequencer.
        is_known = VERSION not in task.args and task.args.get("sequencer", "") in {sequencer, ""}
        return first if is_known or not (sequencer or arrival.version) else storage_keys.task_id_of(bucket, key, mark)

    def _dropped(self, arrival: ObjectCreated, found: storage_keys.Incoming | None) -> str | None:
        """The task for what another tool has put there; None for what is no upload, which is counted."""
        reason = reason_to_ignore(arrival.key, arrival.size)
        if found is None or reason is not None:
            if arrival.key.startswith(storage_keys.INCOMING):
                self.metrics.count("UploadsRefused", reason=reason or FOLDER)
            return None
        collection, warning = names.folder_collection(found.collection)
        about = Subject(collection, filename=names.shown(found.filename))
        return self._adopt(arrival, about, {WARNINGS: warning} if warning else {})

    def _adopt(self, arrival: ObjectCreated, about: Subject, args: Mapping[str, str]) -> str:
        task_id, now = self._adopted_id(arrival), self.clock.now()
        version = arguments_of(arrival.version, arrival.etag)
        task = Task(
            task_id=task_id,
            type=TaskType.PROCESS_IMAGE,
            created_at=now,
            queued_at=now,
            subject=replace(about, image_id=storage_keys.image_id_of(task_id)),
            args={"source": arrival.key, "adopted": "true", "sequencer": arrival.sequencer, **version, **args},
            max_attempts=self.policy.max_attempts,
            progress=Progress(0, STEPS, "queued"),
        )
        with suppress(Conflict):
            self.tasks.add(task)
            self.metrics.count("UploadsAccepted", door="bucket")
        return task_id


def id_of_direct_upload(bucket: str, key: str, etag: str) -> str:
    """The task of the bytes that another tool has put under this key, as far as a listing can tell."""
    return storage_keys.task_id_of(bucket, key, f"etag:{bare(etag)}")
