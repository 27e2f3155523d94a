"""Dead letters: seen with their reasons, their tasks told, and brought back to work when somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from chalicelib.core.jobs import Standing
from chalicelib.core.messages import Arrival, DeadLetter, UnknownMessage, Work, read
from chalicelib.core.tasks import Failure, Task
from chalicelib.errors import Conflict, NotFound, SourceGone, TaskNotFound, Unavailable
from chalicelib.ports import Clock, Queue, TaskStore
from chalicelib.services.arrivals import Arrivals
from chalicelib.services.families import Families
from chalicelib.services.retries import Retries


@dataclass(frozen=True, slots=True)
class Found:
    """A dead letter and the task that it is about, where one can be told."""

    letter: DeadLetter
    task: Task | None = None

    @property
    def reason(self) -> str:
        """Why it lies here, in the best words there are."""
        error = self.task.error if self.task else None
        told = error and (error.details.get("last") or error.code)
        return self.letter.reason or str(told or "received too often")


@dataclass(frozen=True)
class Burials:
    """The dead letters of every queue, by the name that people use."""

    queues: Mapping[str, Queue]
    tasks: TaskStore
    arrivals: Arrivals
    families: Families
    retries: Retries
    rerun: Callable[[Task], Task]
    """Starts the schedule of a run again; see Schedules.again."""
    clock: Clock

    def found(self, name: str, limit: int) -> tuple[Found, ...]:
        """Some of a queue's dead letters, with their tasks; nothing changes. NotFound, Unavailable."""
        return tuple(Found(letter, next(self._tasks_of(letter), None)) for letter in self._queue(name).dead(limit))

    def tell(self, limit: int) -> int:
        """End the tasks of dead letters as FAILURE `dead_letter`, where they still wait; how many there were.

        Looks at up to `limit` letters of each queue.
        """
        letters = (letter for queue in self.queues.values() for letter in queue.dead(limit))
        return sum(self._tell(task, letter) for letter in letters for task in self._tasks_of(letter))

    def redrive(self, name: str, limit: int) -> tuple[Task, ...]:
        """Try again what a queue's dead letters were about and remove them; the tasks that now wait for a worker.

        A letter whose file is gone, or that nobody can read, stays. NotFound, Unavailable.
        """
        queue = self._queue(name)
        return tuple(task for letter in queue.dead(limit) for task in self._redrive(queue, letter))

    def _queue(self, name: str) -> Queue:
        if name not in self.queues:
            raise NotFound("There is no such queue.", known=sorted(self.queues))
        return self.queues[name]

    def _redrive(self, queue: Queue, letter: DeadLetter) -> list[Task]:
        about = list(self._tasks_of(letter))
        again = []
        for task in about:
            with suppress(SourceGone):
                again.append(self._again(task, letter))
        if about and len(again) == len(about):
            queue.dig_up(letter)
        return [task for task in again if not task.is_final]

    def _again(self, task: Task, letter: DeadLetter) -> Task:
        self._tell(task, letter)
        latest = self.tasks.get(task.task_id)
        if not latest.is_final or latest.error is None:
            return latest
        return self.rerun(latest) if "schedule" in latest.args else self.retries.retry(latest.task_id)

    def _tell(self, task: Task, letter: DeadLetter) -> int:
        if task.is_final or task.is_held(self.clock.now()) or _is_answered(letter, task):
            return 0
        error = _why(task, letter)
        try:
            ended = self.tasks.replace(
                task, task.failed(error, now=self.clock.now(), keep=self.retries.intake.rules.keep_failed)
            )
        except Conflict:
            return 0
        self.families.child_ended(ended)
        return 1

    def _tasks_of(self, letter: DeadLetter) -> Iterator[Task]:
        for asked in _read(letter):
            task_id = asked.task_id if isinstance(asked, Work) else self.arrivals.task_id(asked)
            if task_id is not None:
                with suppress(TaskNotFound):
                    yield self.tasks.get(task_id)


def _why(task: Task, letter: DeadLetter) -> Failure:
    last = {"last": task.error.code} if task.error else {}
    if letter.reason == Unavailable.code:
        return Failure(letter.reason, _SILENT, retryable=True, details=last)
    return Failure("dead_letter", "Its message was received too often without success.", details=last)


_SILENT = (
    "The state store did not answer, however often this was tried. What was done before is kept; nothing is taken away"
    " or changed while it cannot be read."
)


def _is_answered(letter: DeadLetter, task: Task) -> bool:
    """True for the letter of a part that a long job has behind it: one of its message's repetitions has died."""
    parts = [asked.part for asked in _read(letter) if isinstance(asked, Work) and asked.part is not None]
    return any(part < Standing.of(task).part for part in parts)


def _read(letter: DeadLetter) -> tuple[Arrival | Work, ...]:
    try:
        return read(letter.body)
    except UnknownMessage:
        return ()
