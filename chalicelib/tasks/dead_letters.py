"""Dead letters: publish, list, remove and redrive them, and fail the tasks they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from chalicelib import errors
from chalicelib.json_formats import DeadLetter, ObjectCreated, UnknownMessage, Work, is_event, read, write
from chalicelib.ports import Clock, Metrics, Queue, TaskStore
from chalicelib.tasks.model import OPTIMIZER, QUEUES, Checkpoint, Failure, Task, TaskType, queue_of
from chalicelib.tasks.parents import ParentTasks
from chalicelib.tasks.retry import Retries

PublishDeadLetter = Callable[[Task, Failure], None]
"""See `DeadLetterPublisher.publish`."""


@dataclass(frozen=True)
class DeadLetterPublisher:
    """Publisher of messages to the dead-letter queues."""

    queues: Mapping[TaskType, Queue]
    optimizer_queue: Queue
    metrics: Metrics

    def publish(self, task: Task, error: Failure) -> None:
        """Publish a dead letter about the task, with the error's code as reason; a repeated call may publish another.

        Raises: Unavailable.
        """
        self.queues[task.type].publish_dead_letter(write(Work(task.task_id)), reason=error.code)
        self.metrics.count("DeadLetters", queue=queue_of(task.type))

    def publish_unreadable(self, body: str, kind: TaskType, fault: errors.WallifyError) -> None:
        """Publish a message whose task could not be read, with the fault's code as reason.

        Raises: Unavailable.
        """
        self.queues[kind].publish_dead_letter(body, reason=fault.code)
        self.metrics.count("DeadLetters", queue=queue_of(kind))

    def publish_unoptimized(self, body: str, fault: errors.WallifyError) -> None:
        """Publish a message of the optimizer queue, with the fault's code as reason.

        Raises: Unavailable.
        """
        self.optimizer_queue.publish_dead_letter(body, reason=fault.code)
        self.metrics.count("DeadLetters", queue=OPTIMIZER)


def discard_dead_letter(task: Task, error: Failure) -> None:
    """Do nothing; the default where no queue is configured."""


_POLL_TIME = timedelta(seconds=1)
"""Long-polling time of requests by operators: a short poll may return nothing although there are letters."""
_VISIBILITY_TIMEOUT = timedelta(seconds=60)
"""Visibility timeout of letters while they are processed; longer than a request may take."""
_PAGE = 10


@dataclass(frozen=True, slots=True)
class DeadLetterDetails:
    """A dead letter and its task, where the task is known."""

    letter: DeadLetter
    task: Task | None = None
    is_readable: bool = True
    """False for a message that this version of the code does not understand."""

    @property
    def reason(self) -> str:
        """Last failure reason of the message, or "received too often"."""
        error = self.task.error if self.task else None
        last = error and (error.details.get("last") or error.code)
        return self.letter.reason or str(last or "received too often")


@dataclass(frozen=True, slots=True)
class NotRedriven:
    """A dead letter that a redrive left in the queue."""

    message_id: str
    reason: str
    """`unreadable`, `no_task` (its task is unknown or has expired) or `source_gone`."""


@dataclass(slots=True)
class RedriveResult:
    """Result of a redrive."""

    tasks: list[Task] = field(default_factory=list)
    """Tasks that wait for a worker again."""
    events: list[str] = field(default_factory=list)
    """Ids of the dead letters without a task whose message was sent again."""
    not_redriven: list[NotRedriven] = field(default_factory=list)


@dataclass(frozen=True)
class DeadLetters:
    """Dead letters of all queues, by the queues' public names."""

    queues: Mapping[str, Queue]
    tasks: TaskStore
    task_id_of: Callable[[ObjectCreated], str | None]
    """Returns the id of the task for an object created in the bucket, or None. Provided by `uploads`."""
    parents: ParentTasks
    retries: Retries
    run_schedule_again: Callable[[Task], Task]
    """Starts a new run of the task's schedule; see `Schedules.run_again`."""
    clock: Clock

    def list_letters(self, name: str, limit: int) -> tuple[DeadLetterDetails, ...]:
        """Return up to `limit` dead letters of a queue with their tasks; changes nothing.

        Raises:
            NotFound: there is no queue of this name.
            Unavailable: the queue or the state store does not answer.
        """
        return tuple(map(self._details, self._queue(name).dead_letters(limit, wait=_POLL_TIME)))

    def get(self, name: str, message_id: str) -> DeadLetterDetails:
        """Return one dead letter; changes nothing.

        Raises:
            NotFound: there is no queue of this name.
            DeadLetterNotFound: the queue has no such letter.
            Unavailable: the queue or the state store does not answer.
        """
        with self._hidden_letter(name, message_id) as letter:
            return self._details(letter)

    def remove(self, name: str, message_id: str) -> DeadLetterDetails:
        """Delete one dead letter and return it.

        A task that still waits for the message is first ended as FAILURE, so that no task is left without a message.

        Raises:
            NotFound: there is no queue of this name.
            DeadLetterNotFound: the queue has no such letter.
            Unavailable: the queue or the state store does not answer.
        """
        with self._hidden_letter(name, message_id) as letter:
            for task in self._tasks_of(letter):
                self._fail_task(task, letter)
            found = self._details(letter)
            self._queue(name).remove_dead_letter(letter)
            return found

    def fail_tasks(self, limit: int) -> int:
        """End tasks that wait for a dead-lettered message as FAILURE `dead_letter`; return how many.

        Reads up to `limit` letters of each queue whose messages belong to tasks.
        """
        queues = (queue for name, queue in self.queues.items() if QUEUES[name])
        letters = (letter for queue in queues for letter in queue.dead_letters(limit))
        return sum(self._fail_task(task, letter) for letter in letters for task in self._tasks_of(letter))

    def redrive(self, name: str, limit: int) -> RedriveResult:
        """Retry the tasks of a queue's dead letters, send messages without a task again, and delete these letters.

        A letter stays if its file is gone, its task is unknown, or it cannot be read.

        Raises:
            NotFound: there is no queue of this name.
            Unavailable: the queue or the state store does not answer.
        """
        queue, done = self._queue(name), RedriveResult()
        letters = queue.dead_letters(limit, hold=_VISIBILITY_TIMEOUT, wait=_POLL_TIME)
        try:
            for letter in letters:
                self._redrive(queue, letter, done)
        finally:
            queue.release_dead_letters(letters)
        return done

    @contextmanager
    def _hidden_letter(self, name: str, message_id: str) -> Iterator[DeadLetter]:
        """Yield the letter, hidden from other readers inside the context."""
        queue, held = self._queue(name), list[DeadLetter]()
        try:
            while page := queue.dead_letters(_PAGE, hold=_VISIBILITY_TIMEOUT, wait=_POLL_TIME):
                held += page
                if found := next((letter for letter in page if letter.message_id == message_id), None):
                    yield found
                    return
            raise errors.DeadLetterNotFound(queue=name, message_id=message_id)
        finally:
            queue.release_dead_letters(held)

    def _details(self, letter: DeadLetter) -> DeadLetterDetails:
        if is_event(letter.body):
            return DeadLetterDetails(letter)
        try:
            read(letter.body)
        except UnknownMessage:
            return DeadLetterDetails(letter, is_readable=False)
        return DeadLetterDetails(letter, next(self._tasks_of(letter), None))

    def _queue(self, name: str) -> Queue:
        if name not in self.queues:
            raise errors.NotFound("queue.not_found", known=sorted(self.queues))
        return self.queues[name]

    def _redrive(self, queue: Queue, letter: DeadLetter, done: RedriveResult) -> None:
        if is_event(letter.body):
            queue.send(letter.body)  # before the removal: a stop in between leaves a duplicate, which does no harm
            queue.remove_dead_letter(letter)
            done.events.append(letter.message_id)
            return
        tasks = list(self._tasks_of(letter))
        retried = []
        for task in tasks:
            with suppress(errors.SourceGone):
                retried.append(self._retry(task, letter))
        done.tasks += [task for task in retried if not task.is_final]
        if tasks and len(retried) == len(tasks):
            queue.remove_dead_letter(letter)
            return
        unread_reason = "no_task" if self._details(letter).is_readable else "unreadable"
        done.not_redriven.append(NotRedriven(letter.message_id, "source_gone" if tasks else unread_reason))

    def _retry(self, task: Task, letter: DeadLetter) -> Task:
        self._fail_task(task, letter)
        latest = self.tasks.get(task.task_id)
        if not latest.is_final or latest.error is None:
            return latest
        return self.run_schedule_again(latest) if "schedule" in latest.args else self.retries.retry(latest.task_id)

    def _fail_task(self, task: Task, letter: DeadLetter) -> int:
        if task.is_final or task.is_held(self.clock.now()) or _is_outdated(letter, task):
            return 0
        error = _failure_of(task, letter)
        try:
            ended = self.tasks.replace(
                task, task.failed(error, now=self.clock.now(), keep=self.retries.task_factory.policy.keep_failed)
            )
        except errors.Conflict:
            return 0
        if ended.parent_id is not None:
            self.parents.child_ended(ended.parent_id)
        return 1

    def _tasks_of(self, letter: DeadLetter) -> Iterator[Task]:
        for message in _read(letter):
            task_id = message.task_id if isinstance(message, Work) else self.task_id_of(message)
            if task_id is not None:
                with suppress(errors.TaskNotFound):
                    yield self.tasks.get(task_id)


def _failure_of(task: Task, letter: DeadLetter) -> Failure:
    last = {"last": task.error.code} if task.error else {}
    if letter.reason == errors.Unavailable.code:
        return Failure(letter.reason, _STORE_SILENT, retryable=True, details=last)
    if letter.reason == errors.Misconfigured.code:
        return replace(Failure.of(errors.Misconfigured()), details=last)
    return Failure(
        "dead_letter", "The task failed because its message was received too many times without success.", details=last
    )


_STORE_SILENT = (
    "The state store did not respond to any attempt. Completed work is kept; nothing is removed or changed while the"
    " store cannot be read."
)


def _is_outdated(letter: DeadLetter, task: Task) -> bool:
    """True for a letter about a part that the job has completed: a duplicate of its message was dead-lettered."""
    parts = [message.part for message in _read(letter) if isinstance(message, Work) and message.part is not None]
    return any(part < Checkpoint.of(task).part for part in parts)


def _read(letter: DeadLetter) -> tuple[ObjectCreated | Work, ...]:
    try:
        return read(letter.body)
    except UnknownMessage:
        return ()
