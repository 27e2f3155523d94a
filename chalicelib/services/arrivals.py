"""Which task an object in the bucket belongs to; objects from other tools get one of their own."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from chalicelib.core import keys, names
from chalicelib.core.messages import Arrival
from chalicelib.core.tasks import Progress, Subject, Task, TaskType
from chalicelib.errors import BadRequest, Conflict, TaskNotFound
from chalicelib.ports import Clock, TaskStore
from chalicelib.services.rules import TaskRules

STEPS = 3
"""process, store, publish"""


@dataclass(frozen=True)
class Arrivals:
    """Turns S3's announcements into task ids."""

    tasks: TaskStore
    clock: Clock
    rules: TaskRules

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

    def _adopt(self, arrival: Arrival, found: keys.Incoming) -> str:
        task_id, now = keys.task_id_of(arrival.bucket, arrival.key, arrival.sequencer), self.clock.now()
        subject = Subject(_collection(found.collection), keys.image_id_of(task_id), names.shown(found.filename))
        task = Task(
            task_id=task_id,
            type=TaskType.PROCESS_IMAGE,
            created_at=now,
            queued_at=now,
            subject=subject,
            args={"source": arrival.key, "adopted": "true"},
            max_attempts=self.rules.max_attempts,
            progress=Progress(0, STEPS, "queued"),
        )
        with suppress(Conflict):
            self.tasks.add(task)
        return task_id


def _collection(text: str) -> str:
    try:
        return names.collection_name(text)
    except BadRequest:
        # Nobody is there to be told, and the picture must not be lost over the name of its folder.
        return names.DEFAULT_COLLECTION
