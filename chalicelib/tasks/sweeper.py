"""The sweeper: finds tasks that no longer make progress, and retries or ends them.

It reads active tasks only, and a bounded number in a run: the oldest, among which are those that workers hold, and a
part of the others, where the run before stopped. Each remedy is one conditional write; if a worker has changed the task
first, the worker's change stays. ADR 0095 argues the bounds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, islice
from statistics import median_low

from chalicelib.errors import Conflict
from chalicelib.json_formats import Work, write
from chalicelib.ports import Clock, Metrics, ObjectStore, Page, Queue, TaskStore
from chalicelib.tasks.dead_letters import PublishDeadLetter, discard_dead_letter
from chalicelib.tasks.factory import EXPIRES, has_renditions, is_there
from chalicelib.tasks.lease import POISON, WORKER_LOST, after_death, is_poison
from chalicelib.tasks.model import CHUNKED, Checkpoint, Failure, Status, Task, TaskType
from chalicelib.tasks.parents import ParentTasks, is_opening
from chalicelib.tasks.retry_policy import TaskPolicy
from chalicelib.telemetry import NULL_METRICS, log

_PAGE = 100
"""Children of a parent that are read at once."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a task may stay without progress before the sweeper acts."""

    presigned: timedelta = timedelta(minutes=10)
    """After the form of a presigned upload has expired: an upload that began in time may still be running."""
    pending: timedelta = timedelta(hours=1)
    """For waiting tasks, before their message is sent again: a long queue loses no messages."""
    missing: timedelta = timedelta(minutes=10)
    """For a task whose object does not exist, before it ends."""
    overtaken: timedelta = timedelta(minutes=15)
    """By which workers must be ahead of a waiting task before its message counts as lost: SQS keeps no strict order."""
    retry: timedelta = timedelta(minutes=15)
    lease: timedelta = timedelta(minutes=1)
    """After a lease has expired: SQS delivers the message again by itself."""
    soft: timedelta = timedelta(minutes=25)
    """Age at which a parent's waiting children are no longer begun (the soft time limit)."""
    hard: timedelta = timedelta(minutes=30)
    """Age at which a parent or a chunked job ends, whatever its children or parts do (the hard time limit)."""


@dataclass(frozen=True, slots=True)
class SweepBounds:
    """What one sweep may read and send, however many tasks are active."""

    page: int = 500
    """Tasks in a page."""
    oldest: int = 2
    """Pages of the oldest tasks, which every sweep reads."""
    others: int = 10
    """Pages of the tasks behind them, which sweeps take in turn."""
    resends: int = 200
    """Messages that may be sent again; afterwards no waiting task is examined, which costs a look into the bucket."""


@dataclass
class SweepCursor:
    """Page behind the oldest ones at which the next sweep continues; a new process begins directly behind them."""

    cursor: str | None = None


@dataclass
class _Sweep:
    """What one sweep knows of the queues, and how many messages it may still send again."""

    reached: Mapping[TaskType, datetime]
    """When the tasks that workers hold now were queued (median), by type: how far the queue has been worked off."""
    resends: int

    def is_waiting_its_turn(self, task: Task, announced: datetime, slack: timedelta) -> bool:
        """Return True if workers are busy with tasks that were queued before this one."""
        reached = self.reached.get(task.type)
        return reached is not None and reached < announced + slack


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
    bounds: SweepBounds = field(default_factory=SweepBounds)
    cursor: SweepCursor = field(default_factory=SweepCursor)
    publish_dead_letter: PublishDeadLetter = discard_dead_letter
    """Called before a task ends for lack of attempts."""

    def sweep(self, *, keep_going: Callable[[], bool] = lambda: True) -> Mapping[str, int]:
        """Examine the oldest active tasks and a part of the others; return how often each remedy was applied.

        "postponed" counts tasks whose message may be lost, for a later sweep. If `keep_going` stops a sweep early, the
        next continues at the same page.
        """
        done: Counter[str] = Counter()
        oldest, behind = self._oldest(keep_going)
        sweep = _Sweep(self._reached(oldest), self.bounds.resends)
        for task in chain(oldest, self._others(behind, keep_going)):
            with suppress(Conflict):
                done[self._logged(task, self._remedy(task, sweep))] += 1
        del done["fine"]
        for remedy, times in done.items():
            self.metrics.count("SweeperFinds", times, remedy=remedy)
        return done

    def _logged(self, task: Task, remedy: str) -> str:
        if remedy not in _NOT_LOGGED:
            log.info("task looked after", extra={"task_id": task.task_id, "type": task.type, "remedy": remedy})
        return remedy

    def _oldest(self, keep_going: Callable[[], bool]) -> tuple[list[Task], str | None]:
        """Return the oldest active tasks, and the cursor of those behind them."""
        found: list[Task] = []
        cursor = None
        for page in islice(self._pages(None, keep_going), self.bounds.oldest):
            found.extend(page.items)
            cursor = page.next_cursor
        return found, cursor

    def _others(self, behind: str | None, keep_going: Callable[[], bool]) -> Iterator[Task]:
        if behind is None:
            return
        for page in islice(self._pages(self.cursor.cursor or behind, keep_going), self.bounds.others):
            yield from page.items
            self.cursor.cursor = page.next_cursor

    def _pages(self, cursor: str | None, keep_going: Callable[[], bool]) -> Iterator[Page[Task]]:
        while keep_going():
            page = self.tasks.active(self.bounds.page, cursor)
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return

    def _reached(self, tasks: Iterable[Task]) -> Mapping[TaskType, datetime]:
        now = self.clock.now()
        queued: dict[TaskType, list[datetime]] = {}
        for task in tasks:
            if task.is_held(now):
                queued.setdefault(task.type, []).append(task.queued_at or task.created_at)
        return {type_: median_low(times) for type_, times in queued.items()}

    def _remedy(self, task: Task, sweep: _Sweep) -> str:
        if task.type is TaskType.BULK_PROCESS_IMAGES:
            return self._remedy_for_parent(task)
        now = self.clock.now()
        if task.type in CHUNKED and self._is_overdue(task, now):
            return self._fail(task, "time_limit", "The job exceeded its time limit.")
        return _REMEDIES[task.status](self, task, now, sweep)

    def _is_overdue(self, task: Task, now: datetime) -> bool:
        began = Checkpoint.of(task).began_at
        return began is not None and now >= began + self.timeouts.hard and not task.is_held(now)

    def _remedy_for_waiting(self, task: Task, now: datetime, sweep: _Sweep) -> str:
        announced, ends = task.queued_at or task.created_at, _form_ends(task)
        if ends is not None and now < ends + self.timeouts.presigned:
            return "fine"
        silent = now - announced
        if silent < self.timeouts.missing:
            return "fine"
        # The object of a form may have arrived until the form expired, and its message with it.
        if sweep.is_waiting_its_turn(task, max(announced, ends or announced), self.timeouts.overtaken):
            return "fine"
        if sweep.resends == 0:
            return "postponed"
        if "source" in task.args and not is_there(self.objects, task):
            return self._fail(
                task, "upload_expired" if ends else "source_gone", "The file did not arrive in the bucket."
            )
        # The object exists. An expired form's first message is lost; others may be far behind.
        return self._resend(task, sweep) if silent >= self.timeouts.pending or _is_unsent(task) else "fine"

    def _remedy_for_retrying(self, task: Task, now: datetime, sweep: _Sweep) -> str:
        silent = now - (task.started_at or task.created_at)
        waited = now - (task.queued_at or task.created_at)
        return self._resend(task, sweep) if min(silent, waited) >= self.timeouts.retry else "fine"

    def _remedy_for_running(self, task: Task, now: datetime, sweep: _Sweep) -> str:
        if task.lease_until is None:
            return self._between_parts(task, now, sweep)
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

    def _between_parts(self, task: Task, now: datetime, sweep: _Sweep) -> str:
        """Send the message of a chunked job's next part again, if it was probably lost."""
        waited = now - (task.queued_at or task.created_at)
        return self._resend(task, sweep) if waited >= self.timeouts.retry else "fine"

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

    def _resend(self, task: Task, sweep: _Sweep) -> str:
        if sweep.resends == 0:
            return "postponed"
        sweep.resends -= 1
        return self._send(task)

    def _send(self, task: Task) -> str:
        # First the row, then the message: if the message is lost, the next one is sent after a full timeout.
        self.tasks.replace(task, task.requeued(self.clock.now()))
        part = Checkpoint.of(task).part if task.type in CHUNKED else None
        self.queues[task.type].send(write(Work(task.task_id, part)))
        return "announced"


_NOT_LOGGED = frozenset({"fine", "postponed"})
"""Outcomes that change no task; a backlog has many."""


def _form_ends(task: Task) -> datetime | None:
    """Return when the task's presigned form expires; None if it has none."""
    expires = task.args.get(EXPIRES)
    return None if expires is None else datetime.fromisoformat(expires)


def _is_unsent(task: Task) -> bool:
    """Return True for a presigned upload that no sweep has announced yet."""
    return EXPIRES in task.args and (task.queued_at or task.created_at) == task.created_at


_REMEDIES: Mapping[Status, Callable[[Sweeper, Task, datetime, _Sweep], str]] = {
    Status.PENDING: Sweeper._remedy_for_waiting,  # noqa: SLF001  # the table belongs to the class
    Status.RETRY: Sweeper._remedy_for_retrying,  # noqa: SLF001
    Status.STARTED: Sweeper._remedy_for_running,  # noqa: SLF001
}
