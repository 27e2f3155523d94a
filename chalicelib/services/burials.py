"""Dead letters: seen with their reasons, their tasks told, and brought back to work when somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from chalicelib.core.messages import Arrival, DeadLetter, UnknownMessage, Work, read
from chalicelib.core.tasks import Failure, Task
from chalicelib.errors import Conflict, SourceGone, TaskNotFound
from chalicelib.ports import Clock, Queue, TaskStore
from chalicelib.services.arrivals import Arrivals
from chalicelib.services.families import Families
from chalicelib.services.retries import Retries
from chalicelib.telemetry import log


@dataclass(frozen=True, slots=True)
class Found:
    """A dead letter and the task that it is about, where one can be told."""

    letter: DeadLetter
    task: Task | None = None

    @property
    def reason(self) -> str:
        """Why it lies here, in the best words there are."""
        told = self.task.error.code if self.task and self.task.error else ""
        return self.letter.reason or told or "received too often"


@dataclass(frozen=True)
class Burials:
    """The dead letters of one queue."""

    queue: Queue
    tasks: TaskStore
    arrivals: Arrivals
    families: Families
    retries: Retries
    clock: Clock

    def found(self, limit: int) -> tuple[Found, ...]:
        """Some of the dead letters, with their tasks; nothing changes."""
        return tuple(Found(letter, next(self._tasks_of(letter), None)) for letter in self.queue.dead(limit))

    def tell(self, limit: int) -> int:
        """End the tasks of dead letters as FAILURE `dead_letter`, where they still wait; how many there were."""
        return sum(self._tell(task) for letter in self.queue.dead(limit) for task in self._tasks_of(letter))

    def redrive(self, limit: int) -> tuple[Task, ...]:
        """Try again what the dead letters were about and remove them; the tasks that now wait for a worker.

        A letter whose file is gone, or that nobody can read, stays.
        """
        return tuple(task for letter in self.queue.dead(limit) for task in self._redrive(letter))

    def _redrive(self, letter: DeadLetter) -> list[Task]:
        about = list(self._tasks_of(letter))
        again = []
        for task in about:
            self._tell(task)
            with suppress(SourceGone):
                again.append(self._again(task))
        if about and len(again) == len(about):
            self.queue.dig_up(letter)
        return [task for task in again if not task.is_final]

    def _again(self, task: Task) -> Task:
        latest = self.tasks.get(task.task_id)
        return self.retries.retry(task.task_id) if latest.error is not None else latest

    def _tell(self, task: Task) -> int:
        if task.is_final or task.is_held(self.clock.now()):
            return 0
        error = Failure("dead_letter", "Its message was received too often without success.")
        try:
            ended = self.tasks.replace(
                task, task.failed(error, now=self.clock.now(), keep=self.retries.intake.rules.keep_failed)
            )
        except Conflict:
            return 0
        log.info("dead letter told", extra={"task_id": task.task_id, "type": task.type})
        self.families.child_ended(ended)
        return 1

    def _tasks_of(self, letter: DeadLetter) -> Iterator[Task]:
        for asked in _read(letter):
            task_id = asked.task_id if isinstance(asked, Work) else self.arrivals.task_id(asked)
            if task_id is not None:
                with suppress(TaskNotFound):
                    yield self.tasks.get(task_id)


def _read(letter: DeadLetter) -> tuple[Arrival | Work, ...]:
    try:
        return read(letter.body)
    except UnknownMessage:
        return ()
