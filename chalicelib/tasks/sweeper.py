"""The sweeper: finds tasks that no longer make progress, and retries or ends them.

It reads active tasks only, so its cost grows with them and not with history. Each remedy is one conditional write; if
a worker has changed the task first, the worker's change stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from chalicelib.errors import Conflict
from chalicelib.json_formats import Work, write
from chalicelib.ports import Clock, Metrics, ObjectStore, Queue, TaskStore
from chalicelib.tasks.dead_letters import PublishDeadLetter, discard_dead_letter
from chalicelib.tasks.factory import EXPIRES, has_renditions, is_there
from chalicelib.tasks.lease import POISON, WORKER_LOST, after_death, is_poison
from chalicelib.tasks.model import CHUNKED, Checkpoint, Failure, Status, Task, TaskType
from chalicelib.tasks.parents import ParentTasks, is_opening
from chalicelib.tasks.retry_policy import TaskPolicy
from chalicelib.telemetry import NULL_METRICS, log

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a task may stay without progress before the sweeper acts."""

    presigned: timedelta = timedelta(minutes=10)
    """After the form of a presigned upload has expired: an upload that began in time may still be running."""
    pending: timedelta = timedelta(hours=1)
    """For waiting tasks, before their message is sent again: a long queue loses no messages."""
    missing: timedelta = timedelta(minutes=10)
    """For a task whose object does not exist, before it ends."""
    retry: timedelta = timedelta(minutes=15)
    lease: timedelta = timedelta(minutes=1)
    """After a lease has expired: SQS delivers the message again by itself."""
    soft: timedelta = timedelta(minutes=25)
    """Age at which a parent's waiting children are no longer begun (the soft time limit)."""
    hard: timedelta = timedelta(minutes=30)
    """Age at which a parent or a chunked job ends, whatever its children or parts do (the hard time limit)."""


@dataclass
class SweepCursor:
    """Page at which the next sweep begins; a new process begins at the first."""

    cursor: str | None = None


@dataclass(frozen=True)
class Sweeper:
    """Retries or ends tasks that have lost their worker, their message or their object."""

    tasks: TaskStore
    objects: ObjectStore
    queues: Mapping[TaskType, Queue]
    parents: ParentTasks
    clock: Clock
    policy: TaskPolicy
    timeouts: Timeouts = field(default_factory=Timeouts)
    metrics: Metrics = NULL_METRICS
    cursor: SweepCursor = field(default_factory=SweepCursor)
    publish_dead_letter: PublishDeadLetter = discard_dead_letter
    """Called before a task ends for lack of attempts."""

    def sweep(self, *, keep_going: Callable[[], bool] = lambda: True) -> Mapping[str, int]:
        """Examine every active task, oldest first; return how often each remedy was applied.

        If `keep_going` stops it early, the next sweep continues at the same page.
        """
        done: Counter[str] = Counter()
        for task in self._active(keep_going):
            with suppress(Conflict):
                done[self._logged(task, self._remedy(task))] += 1
        del done["fine"]
        for remedy, times in done.items():
            self.metrics.count("SweeperFinds", times, remedy=remedy)
        return done

    def _logged(self, task: Task, remedy: str) -> str:
        if remedy != "fine":
            log.info("task looked after", extra={"task_id": task.task_id, "type": task.type, "remedy": remedy})
        return remedy

    def _active(self, keep_going: Callable[[], bool]) -> Iterator[Task]:
        while keep_going():
            page = self.tasks.active(_PAGE, self.cursor.cursor)
            yield from page.items
            self.cursor.cursor = page.next_cursor
            if page.next_cursor is None:
                return

    def _remedy(self, task: Task) -> str:
        if task.type is TaskType.BULK_PROCESS_IMAGES:
            return self._remedy_for_parent(task)
        now = self.clock.now()
        if task.type in CHUNKED and self._is_overdue(task, now):
            return self._fail(task, "time_limit", "The job exceeded its time limit.")
        return _REMEDIES[task.status](self, task, now)

    def _is_overdue(self, task: Task, now: datetime) -> bool:
        began = Checkpoint.of(task).began_at
        return began is not None and now >= began + self.timeouts.hard and not task.is_held(now)

    def _remedy_for_waiting(self, task: Task, now: datetime) -> str:
        expires = task.args.get(EXPIRES)
        if expires is not None and now < datetime.fromisoformat(expires) + self.timeouts.presigned:
            return "fine"
        silent = now - (task.queued_at or task.created_at)
        if silent < self.timeouts.missing:
            return "fine"
        if "source" in task.args and not is_there(self.objects, task):
            return self._fail(
                task, "upload_expired" if expires else "source_gone", "The file did not arrive in the bucket."
            )
        # The object exists. A presigned upload's message is lost if its form has expired; others may be far behind.
        return self._send(task) if silent >= self.timeouts.pending or expires else "fine"

    def _remedy_for_retrying(self, task: Task, now: datetime) -> str:
        silent = now - (task.started_at or task.created_at)
        waited = now - (task.queued_at or task.created_at)
        return self._send(task) if min(silent, waited) >= self.timeouts.retry else "fine"

    def _remedy_for_running(self, task: Task, now: datetime) -> str:
        if task.lease_until is None:
            return self._between_parts(task, now)
        if now < task.lease_until + self.timeouts.lease:
            return "fine"
        counted = after_death(task, partial(has_renditions, self.objects))
        if is_poison(counted) or task.attempts >= task.max_attempts:
            return self._dead_letter(task, POISON if is_poison(counted) else WORKER_LOST)
        error = Failure("worker_lost", "The worker of the task stopped or ran out of time.", retryable=True)
        self._send(self.tasks.replace(task, counted.retrying(error)))
        return "taken_back"

    def _dead_letter(self, task: Task, error: Failure) -> str:
        """Publish a dead letter, then end the task; its own message may never be delivered again."""
        self.publish_dead_letter(task, error)
        return self._end(task, error)

    def _between_parts(self, task: Task, now: datetime) -> str:
        """Send the message of a chunked job's next part again, if it was probably lost."""
        waited = now - (task.queued_at or task.created_at)
        return self._send(task) if waited >= self.timeouts.retry else "fine"

    def _remedy_for_parent(self, parent: Task) -> str:
        if self.parents.finish_if_done(parent).is_final:
            return "settled"
        age = self.clock.now() - parent.created_at
        if is_opening(parent) and age >= self.timeouts.missing and self.parents.abandon(parent).is_final:
            return "broken_off"
        if age >= self.timeouts.hard:
            return self._time_out(parent)
        if age >= self.timeouts.soft:
            return self._request_cancel(parent)
        return self._cancel_children(parent) if parent.cancel_requested else "fine"

    def _request_cancel(self, parent: Task) -> str:
        if parent.cancel_requested:
            return "fine"
        self.tasks.replace(parent, parent.with_cancel_requested())
        return "stopping"

    def _cancel_children(self, parent: Task) -> str:
        """Cancel the children that the parent's cancel request did not reach."""
        going = [child for child in self._children(parent) if not (child.is_final or child.cancel_requested)]
        for child in going:
            with suppress(Conflict):
                self.tasks.replace(child, child.cancelled(now=self.clock.now(), keep=self.policy.keep))
        self.parents.finish_if_done(self.tasks.get(parent.task_id))
        return "stopped" if going else "fine"

    def _children(self, parent: Task) -> Iterator[Task]:
        page = self.tasks.children(parent.task_id, _PAGE)
        yield from page.items
        while page.next_cursor:
            page = self.tasks.children(parent.task_id, _PAGE, page.next_cursor)
            yield from page.items

    def _time_out(self, parent: Task) -> str:
        """End every child that is not final, and the parent with the last of them."""
        for child in self._children(parent):
            self._time_out_child(child)
        if not self.parents.finish_if_done(self.tasks.get(parent.task_id)).is_final:
            # Some children were never created: the request that created the parent was interrupted.
            return self._fail(parent, "time_limit", "The job exceeded its time limit.")
        return "timed_out"

    def _time_out_child(self, child: Task) -> None:
        if child.is_final:
            return
        with suppress(Conflict):
            self._fail(child, "time_limit", "The job exceeded its time limit.")

    def _fail(self, task: Task, code: str, message: str) -> str:
        return self._end(task, Failure(code, message))

    def _end(self, task: Task, error: Failure) -> str:
        ended = self.tasks.replace(task, task.failed(error, now=self.clock.now(), keep=self.policy.keep_failed))
        if ended.parent_id is not None:
            self.parents.child_ended(ended.parent_id)
        return error.code

    def _send(self, task: Task) -> str:
        # First the row, then the message: if the message is lost, the next one is sent after a full timeout.
        self.tasks.replace(task, task.requeued(self.clock.now()))
        part = Checkpoint.of(task).part if task.type in CHUNKED else None
        self.queues[task.type].send(write(Work(task.task_id, part)))
        return "announced"


_REMEDIES: Mapping[Status, Callable[[Sweeper, Task, datetime], str]] = {
    Status.PENDING: Sweeper._remedy_for_waiting,  # noqa: SLF001  # the table belongs to the class
    Status.RETRY: Sweeper._remedy_for_retrying,  # noqa: SLF001
    Status.STARTED: Sweeper._remedy_for_running,  # noqa: SLF001
}
