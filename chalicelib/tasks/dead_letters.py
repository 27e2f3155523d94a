"""Dead letters: publish, list, remove and redrive them, and fail the tasks they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from chalicelib.errors import (
    Conflict,
    DeadLetterNotFound,
    Misconfigured,
    NotFound,
    SourceGone,
    TaskNotFound,
    Unavailable,
    WallifyError,
)
from chalicelib.messages import DeadLetter, ObjectCreated, UnknownMessage, Work, read, write
from chalicelib.ports import Clock, Metrics, Queue, TaskStore
from chalicelib.tasks.model import Checkpoint, Failure, Task, TaskType, queue_of
from chalicelib.tasks.parents import ParentTasks
from chalicelib.tasks.retry import Retries

PublishDeadLetter = Callable[[Task, Failure], None]
"""See `Letters.bury`."""


@dataclass(frozen=True)
class DeadLetterPublisher:
    """Writes dead letters."""

    queues: Mapping[TaskType, Queue]
    metrics: Metrics

    def publish(self, task: Task, error: Failure) -> None:
        """Keep a letter about the task, with the reason. Unavailable; asked for twice there may be two letters."""
        self.queues[task.type].publish_dead_letter(write(Work(task.task_id)), reason=error.code)
        self.metrics.count("DeadLetters", queue=queue_of(task.type))

    def publish_unreadable(self, body: str, kind: TaskType, fault: WallifyError) -> None:
        """Keep a message whose task nobody could so much as read, with the fault that says why. Unavailable."""
        self.queues[kind].publish_dead_letter(body, reason=fault.code)
        self.metrics.count("DeadLetters", queue=queue_of(kind))


def discard_dead_letter(task: Task, error: Failure) -> None:
    """Keep no letter: for whoever has no queue."""


_WAIT = timedelta(seconds=1)
"""How long a queue is asked on behalf of a person, who must not be told that there is nothing where there is."""
_HOLD = timedelta(seconds=60)
"""How long letters are kept from other readers while they are worked on; longer than a request may take."""
_PAGE = 10


@dataclass(frozen=True, slots=True)
class DeadLetterDetails:
    """A dead letter and the task that it is about, where one can be told."""

    letter: DeadLetter
    task: Task | None = None
    is_readable: bool = True
    """False for a message that this version of the code does not understand."""

    @property
    def reason(self) -> str:
        """Why the message could not be worked off."""
        error = self.task.error if self.task else None
        told = error and (error.details.get("last") or error.code)
        return self.letter.reason or str(told or "received too often")


@dataclass(frozen=True, slots=True)
class NotRedriven:
    """A dead letter that a redrive has left where it is."""

    message_id: str
    reason: str
    """`unreadable`, `no_task` (its task is unknown, or its time is over) or `source_gone`."""


@dataclass(slots=True)
class RedriveResult:
    """What came of a redrive."""

    tasks: list[Task] = field(default_factory=list)
    """Those that wait for a worker again."""
    not_redriven: list[NotRedriven] = field(default_factory=list)


@dataclass(frozen=True)
class DeadLetters:
    """The dead letters of every queue, by the name that people use."""

    queues: Mapping[str, Queue]
    tasks: TaskStore
    task_id_of: Callable[[ObjectCreated], str | None]
    """The task that an object created in the bucket belongs to; None: it gets none. Set by the room above."""
    parents: ParentTasks
    retries: Retries
    run_schedule_again: Callable[[Task], Task]
    """Starts the schedule of a run again; see Schedules.again."""
    clock: Clock

    def list_letters(self, name: str, limit: int) -> tuple[DeadLetterDetails, ...]:
        """Some of a queue's dead letters, with their tasks; nothing changes. NotFound, Unavailable."""
        return tuple(map(self._found, self._queue(name).dead_letters(limit, wait=_WAIT)))

    def get(self, name: str, message_id: str) -> DeadLetterDetails:
        """One dead letter; nothing changes. NotFound, DeadLetterNotFound, Unavailable."""
        with self._held(name, message_id) as letter:
            return self._found(letter)

    def remove(self, name: str, message_id: str) -> DeadLetterDetails:
        """Remove one dead letter for good, and answer it. NotFound, DeadLetterNotFound, Unavailable.

        A task that still waits for it ends as FAILURE first, so that no task is left without a message.
        """
        with self._held(name, message_id) as letter:
            for task in self._tasks_of(letter):
                self._tell(task, letter)
            found = self._found(letter)
            self._queue(name).remove_dead_letter(letter)
            return found

    def fail_tasks(self, limit: int) -> int:
        """End the tasks of dead letters as FAILURE `dead_letter`, where they still wait; how many there were.

        Looks at up to `limit` letters of each queue.
        """
        letters = (letter for queue in self.queues.values() for letter in queue.dead_letters(limit))
        return sum(self._tell(task, letter) for letter in letters for task in self._tasks_of(letter))

    def redrive(self, name: str, limit: int) -> RedriveResult:
        """Try again what a queue's dead letters were about, and remove them.

        A letter whose file is gone, whose task is unknown, or that cannot be read, stays. NotFound, Unavailable.
        """
        queue, done = self._queue(name), RedriveResult()
        letters = queue.dead_letters(limit, hold=_HOLD, wait=_WAIT)
        try:
            for letter in letters:
                self._redrive(queue, letter, done)
        finally:
            queue.release_dead_letters(letters)
        return done

    @contextmanager
    def _held(self, name: str, message_id: str) -> Iterator[DeadLetter]:
        """The letter, kept from other readers meanwhile."""
        queue, held = self._queue(name), list[DeadLetter]()
        try:
            while page := queue.dead_letters(_PAGE, hold=_HOLD, wait=_WAIT):
                held += page
                if found := next((letter for letter in page if letter.message_id == message_id), None):
                    yield found
                    return
            raise DeadLetterNotFound(queue=name, message_id=message_id)
        finally:
            queue.release_dead_letters(held)

    def _found(self, letter: DeadLetter) -> DeadLetterDetails:
        try:
            read(letter.body)
        except UnknownMessage:
            return DeadLetterDetails(letter, is_readable=False)
        return DeadLetterDetails(letter, next(self._tasks_of(letter), None))

    def _queue(self, name: str) -> Queue:
        if name not in self.queues:
            raise NotFound("queue.not_found", known=sorted(self.queues))
        return self.queues[name]

    def _redrive(self, queue: Queue, letter: DeadLetter, done: RedriveResult) -> None:
        about = list(self._tasks_of(letter))
        again = []
        for task in about:
            with suppress(SourceGone):
                again.append(self._again(task, letter))
        done.tasks += [task for task in again if not task.is_final]
        if about and len(again) == len(about):
            queue.remove_dead_letter(letter)
            return
        unread = "no_task" if self._found(letter).is_readable else "unreadable"
        done.not_redriven.append(NotRedriven(letter.message_id, "source_gone" if about else unread))

    def _again(self, task: Task, letter: DeadLetter) -> Task:
        self._tell(task, letter)
        latest = self.tasks.get(task.task_id)
        if not latest.is_final or latest.error is None:
            return latest
        return self.run_schedule_again(latest) if "schedule" in latest.args else self.retries.retry(latest.task_id)

    def _tell(self, task: Task, letter: DeadLetter) -> int:
        if task.is_final or task.is_held(self.clock.now()) or _is_answered(letter, task):
            return 0
        error = _why(task, letter)
        try:
            ended = self.tasks.replace(
                task, task.failed(error, now=self.clock.now(), keep=self.retries.task_factory.policy.keep_failed)
            )
        except Conflict:
            return 0
        self.parents.child_ended(ended)
        return 1

    def _tasks_of(self, letter: DeadLetter) -> Iterator[Task]:
        for asked in _read(letter):
            task_id = asked.task_id if isinstance(asked, Work) else self.task_id_of(asked)
            if task_id is not None:
                with suppress(TaskNotFound):
                    yield self.tasks.get(task_id)


def _why(task: Task, letter: DeadLetter) -> Failure:
    last = {"last": task.error.code} if task.error else {}
    if letter.reason == Unavailable.code:
        return Failure(letter.reason, _SILENT, retryable=True, details=last)
    if letter.reason == Misconfigured.code:
        return replace(Failure.of(Misconfigured()), details=last)
    return Failure("dead_letter", "Its message was received too often without success.", details=last)


_SILENT = (
    "The state store did not answer, however often this was tried. What was done before is kept; nothing is taken away"
    " or changed while it cannot be read."
)


def _is_answered(letter: DeadLetter, task: Task) -> bool:
    """True for the letter of a part that a long job has behind it: one of its message's repetitions has died."""
    parts = [asked.part for asked in _read(letter) if isinstance(asked, Work) and asked.part is not None]
    return any(part < Checkpoint.of(task).part for part in parts)


def _read(letter: DeadLetter) -> tuple[ObjectCreated | Work, ...]:
    try:
        return read(letter.body)
    except UnknownMessage:
        return ()
