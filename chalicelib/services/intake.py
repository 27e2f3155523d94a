"""What every way in has in common: checking one file's announcement and opening its task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.core import keys
from chalicelib.core.tasks import Failure, Progress, Status, Subject, Task, TaskType
from chalicelib.errors import WallifyError
from chalicelib.ports import Clock
from chalicelib.services.rules import TaskRules

STEPS = 3
"""Steps of `process_image`: process, store, publish."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task stands among others."""

    task_id: str
    parent_id: str | None = None
    index: int | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    """Added to the task's own."""


@dataclass(frozen=True)
class Intake:
    """Opens tasks; nothing is stored here."""

    clock: Clock
    rules: TaskRules

    def image_task(self, place: Place, collection: str, filename: str, *, stage: str = "queued") -> Task:
        """A `process_image` task that waits for its object under `incoming/`."""
        now = self.clock.now()
        return Task(
            task_id=place.task_id,
            type=TaskType.PROCESS_IMAGE,
            created_at=now,
            queued_at=now,
            subject=Subject(collection, keys.image_id_of(place.task_id), filename),
            args={"source": keys.incoming(collection, place.task_id), **place.args},
            progress=Progress(0, STEPS, stage),
            max_attempts=self.rules.max_attempts,
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

    def refused(self, task: Task, fault: WallifyError) -> Task:
        """The task, ended because its file could not be taken in."""
        return task.failed(Failure.of(fault), now=self.clock.now(), keep=self.rules.keep_failed)

    def found(self, task: Task, image_id: str) -> Task:
        """The task, ended because the collection has these bytes already."""
        return task.succeeded({"image_id": image_id, "duplicate": True}, now=self.clock.now(), keep=self.rules.keep)
