"""Which task an object in the bucket belongs to; objects from other tools get one of their own."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from chalicelib.core import keys, names
from chalicelib.core.messages import Arrival
from chalicelib.core.metrics import UNCOUNTED
from chalicelib.core.tasks import Progress, Subject, Task, TaskType
from chalicelib.errors import BadRequest, Conflict, TaskNotFound
from chalicelib.ports import Clock, Metrics, TaskStore
from chalicelib.services.rules import TaskRules

_QUOTES = '"'
STEPS = 3
"""process, store, publish"""


@dataclass(frozen=True)
class Arrivals:
    """Turns S3's announcements into task ids."""

    tasks: TaskStore
    clock: Clock
    rules: TaskRules
    metrics: Metrics = UNCOUNTED

    def task_id(self, arrival: Arrival) -> str | None:
        """The task for an announced object, opened if another tool put it there; None for a key that is no upload.

        The same announcement always finds the same task.
        """
        found = keys.read_incoming(arrival.key)
        if found is None:
            return None
        if found.task_id is not None and self._waits_for(found.task_id, arrival.key):
            return found.task_id
        return self._adopt(arrival, found)

    def _waits_for(self, task_id: str, key: str) -> bool:
        try:
            return self.tasks.get(task_id).args.get("source") == key
        except TaskNotFound:
            return False

    def _adopted_id(self, arrival: Arrival) -> str:
        """One task for the bytes of a key; another for the same bytes, written again after that one has ended."""
        bucket, key, etag, sequencer = arrival.bucket, arrival.key, arrival.etag, arrival.sequencer
        if not etag:
            return keys.task_id_of(bucket, key, sequencer)
        first = adopted_id(bucket, key, etag)
        try:
            task = self.tasks.get(first)
        except TaskNotFound:
            return first
        is_known = not task.is_final or not sequencer or task.args.get("sequencer") in {sequencer, ""}
        return first if is_known else keys.task_id_of(bucket, key, sequencer)

    def _adopt(self, arrival: Arrival, found: keys.Incoming) -> str:
        task_id, now = self._adopted_id(arrival), self.clock.now()
        subject = Subject(_collection(found.collection), keys.image_id_of(task_id), names.shown(found.filename))
        task = Task(
            task_id=task_id,
            type=TaskType.PROCESS_IMAGE,
            created_at=now,
            queued_at=now,
            subject=subject,
            args={"source": arrival.key, "adopted": "true", "sequencer": arrival.sequencer},
            max_attempts=self.rules.max_attempts,
            progress=Progress(0, STEPS, "queued"),
        )
        with suppress(Conflict):
            self.tasks.add(task)
            self.metrics.count("UploadsAccepted", door="bucket")
        return task_id


def adopted_id(bucket: str, key: str, etag: str) -> str:
    """The task of the bytes that another tool has put under this key, as far as a listing can tell."""
    return keys.task_id_of(bucket, key, f"etag:{etag.strip(_QUOTES)}")


def _collection(text: str) -> str:
    try:
        return names.collection_name(text)
    except BadRequest:
        # Nobody is there to be told, and the picture must not be lost over the name of its folder.
        return names.DEFAULT_COLLECTION
