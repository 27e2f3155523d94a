"""Worker: claim a task, run its job, and turn the outcome into the task's next state.

Failpoints are named points between two side effects, where tests stop the process and step times are measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from traceback import format_exception
from typing import Final, Protocol

from chalicelib.errors import OURS, TaskNotFound, TooManyRequests, Unavailable, WallifyError
from chalicelib.json_formats import ObjectCreated
from chalicelib.ports import Clock, Metrics
from chalicelib.tasks.lease import AlreadyFinal, Cancelled, LeaseHeld, Leases, LostLease, OutOfAttempts
from chalicelib.tasks.model import Failure, Task
from chalicelib.tasks.parents import ParentTasks
from chalicelib.telemetry import log

FAILPOINTS: Final = (
    "after_claim",
    "after_get",
    "after_engine",
    "after_put",
    "after_publish",
    "after_cleanup",
)
"""Failpoints of image workers; a test stops at each of them."""
JOB_FAILPOINTS: Final = ("after_piece", "after_hand_on", "after_objects", "after_revision")
"""Failpoints of chunked jobs."""
VISIBILITY_FAILPOINTS: Final = ("after_hidden_copies", "after_hiding", "after_showing")
"""Failpoints of hiding and showing an image's renditions."""
PRIVACY_FAILPOINTS: Final = ("after_opening", "after_moved_copies", "after_relocation", "after_withdrawal")
"""Failpoints of opening and closing a collection."""

Failpoint = Callable[[str], None]


def noop(name: str) -> None:
    """Do nothing."""


STEPS: Mapping[tuple[str, str], str] = {
    ("after_claim", "after_get"): "fetch",
    ("after_get", "after_engine"): "engine",
    ("after_engine", "after_put"): "store",
    ("after_put", "after_publish"): "publish",
    ("after_publish", "after_cleanup"): "tidy",
}
"""Pairs of consecutive failpoints and the step between them, as the metric StepDuration names it."""


@dataclass
class StepTimer:
    """Failpoint that measures step times; for a process that handles one task at a time."""

    clock: Clock
    metrics: Metrics
    _last: tuple[str, datetime] | None = field(default=None, init=False)

    def __call__(self, name: str) -> None:
        """Count the time since the previous failpoint, if the two delimit a step."""
        last, self._last = self._last, (name, self.clock.now())
        if last is None or (last[0], name) not in STEPS:
            return
        took = (self._last[1] - last[1]).total_seconds() * 1000
        self.metrics.count("StepDuration", round(took, 1), step=STEPS[last[0], name])


_EARLY_DIVISOR = 3
"""Divisor of the remaining lease time; most runs end within a third of their lease."""
_MOST_TRACE = 4_000
"""Most characters stored of a traceback; its end is kept."""


class Redeliver(WallifyError):
    """This message is still needed; show it again after `wait`, or once, at its first receive, after `early`."""

    code = "redeliver"

    def __init__(self, wait: timedelta, early: timedelta | None = None) -> None:
        super().__init__()
        self.wait = wait
        self.early = wait if early is None else early

    def after(self, receives: int) -> timedelta:
        """Return how long to hide a message at this number of receives.

        Receives are few: SQS dead-letters a message at the sixth, and a lost worker uses one up. So a message that
        waits for another run's lease returns early only once, in case it is a duplicate.
        """
        return self.early if receives == 1 else self.wait


class Job(Protocol):
    """Work of one kind of task."""

    def do(self, task: Task) -> Task:
        """Do the work of a claimed task and return it final. Doing it twice has the effects of doing it once.

        A chunked job may return it released instead: STARTED without a lease, the message for its next part sent.
        """
        ...

    def undo(self, task: Task) -> None:
        """Delete what attempts at a cancelled task have stored, and its source."""
        ...

    def discard(self, task: Task) -> None:
        """Delete what attempts at an ended task have left behind, except what a retry needs."""
        ...


@dataclass(frozen=True)
class Worker:
    """Runs jobs. At most one run holds a task; for a message that must be delivered again `run` raises Redeliver."""

    leases: Leases
    parents: ParentTasks
    new_id: Callable[[], str]
    failpoint: Failpoint = noop
    unreported: dict[str, tuple[str, Failure]] = field(default_factory=dict)
    """Task id -> the run of this process that may hold the task, and its error, where the store did not accept the
    error; without it the attempt would count as a lost worker."""

    def run(
        self, task_id: str, job: Job, event: ObjectCreated | None = None, *, known: Task | None = None
    ) -> Task | None:
        """Make one attempt at the task; return it final or released, or None if there was nothing to do.

        `known` is the task as the caller has just read it.

        Raises:
            Redeliver: another run holds the task, or the attempt failed with a transient error.
            OtherVersion: the object version in `event` belongs to another task.
            TaskNotFound: there is no such task.
            Unavailable: the state store does not answer.
        """
        self._report_late()
        owner = self.new_id()
        try:
            task = self.leases.begin(task_id, owner, event, known=known)
        except (Unavailable, TooManyRequests) as fault:
            self.unreported[task_id] = (
                owner,
                Failure.of(fault),
            )  # the response was lost: the lease may have been taken
            raise
        except AlreadyFinal as repeated:
            log.info("task repeated", extra={"task_id": task_id, "status": repeated.task.status})
            self._clean_up(repeated.task, job)
            return repeated.task if isinstance(repeated, OutOfAttempts) else None
        except LeaseHeld as held:
            raise Redeliver(held.wait, early=held.wait / _EARLY_DIVISOR) from held
        return self._run_claimed(task, job)

    def run_new(self, task_id: str, job: Job, event: ObjectCreated) -> Task | None:
        """Make the first attempt at an upload's task, as `run`, but without reading the task before.

        Returns None, with nothing done, if this is not the task's first attempt or the event's object is not the
        task's.
        """
        self._report_late()
        owner = self.new_id()
        try:
            task = self.leases.claim(task_id, owner, event)
        except (Unavailable, TooManyRequests) as fault:
            self.unreported[task_id] = (owner, Failure.of(fault))
            raise
        return None if task is None else self._run_claimed(task, job)

    def _run_claimed(self, task: Task, job: Job) -> Task:
        # Only for this attempt's log lines: the next event of a warm function belongs to another task.
        with log.append_context_keys(task_id=task.task_id, attempt=task.attempts):
            self.failpoint("after_claim")
            final = self._attempt(task, job)
            if final.parent_id is not None:
                self.parents.child_ended(final.parent_id)
        return final

    def _clean_up(self, task: Task, job: Job) -> None:
        if task.attempts:
            # The run that ended it may have died before it cleaned up, or a run without the lease was still writing.
            job.discard(task)
        # Or it died before it updated the parent.
        if task.parent_id is not None:
            self.parents.child_ended(task.parent_id)

    def _attempt(self, task: Task, job: Job) -> Task:
        try:
            return self._run_job(task, job)
        except LostLease as lost:
            # The run that has the task now may have received this same message: do not delete it.
            raise Redeliver(self.leases.policy.lease) from lost

    def _run_job(self, task: Task, job: Job) -> Task:
        try:
            return self._do(task, job)
        except LostLease:
            raise
        except Exception as fault:  # noqa: BLE001  # any error must be stored in the task
            return self._handle_failure(task, fault, job)

    def _do(self, task: Task, job: Job) -> Task:
        try:
            if task.cancel_requested or (task.parent_id is not None and self.parents.is_stopping(task.parent_id)):
                raise Cancelled  # noqa: TRY301  # requested during an earlier attempt; handled below
            return job.do(task)
        except Cancelled:
            job.undo(task)
            return self.leases.revoke(task)

    def _handle_failure(self, task: Task, fault: Exception, job: Job) -> Task:
        error = _failure(fault)
        if not error.retryable:
            # Log the decoder's exception: a refused picture may show a bug of the decoder.
            log.info("task failed", extra={"code": error.code, "reason": error.message}, exc_info=fault.__cause__)
            return self._discard(self.leases.fail(task, error), job)
        alarm = {"alarm": error.code, **({"cause": error.cause} if error.cause else {})} if error.code in OURS else {}
        log.exception("attempt failed", extra={"code": error.code, **alarm})
        wait = self._record_error(task, error)
        if wait is None:
            return self._discard(self.leases.tasks.get(task.task_id), job)
        raise Redeliver(wait) from fault

    def _record_error(self, task: Task, error: Failure) -> timedelta | None:
        """Store the error (see `Leases.retry`). If the store does not answer, the next call of `run` reports it."""
        try:
            return self.leases.retry(task, error)
        except (Unavailable, TooManyRequests):
            self.unreported[task.task_id] = (str(task.owner), error)
            raise

    def _report_late(self) -> None:
        for task_id, (owner, error) in list(self.unreported.items()):
            try:
                self._report(task_id, owner, error)
            except (Unavailable, TooManyRequests):
                return
            self.unreported.pop(task_id, None)  # another thread may have reported it

    def _report(self, task_id: str, owner: str, error: Failure) -> None:
        with suppress(LostLease, TaskNotFound):  # another run has the task, or its row was deleted
            task = self.leases.tasks.get(task_id)
            if task.owner == owner:
                self.leases.retry(task, error)

    def _discard(self, task: Task, job: Job) -> Task:
        # Attempts may have stored objects; clean-up deletes what cannot be deleted now.
        with suppress(Unavailable):
            job.discard(task)
        return task


def _failure(fault: Exception) -> Failure:
    trace = "".join(format_exception(fault))[-_MOST_TRACE:]
    if isinstance(fault, WallifyError) and fault.code != WallifyError.code:
        # Errors that the client must correct need no traceback.
        return Failure.of(fault, trace=trace if fault.retryable else "")
    # An unexpected error, or one without a code, on which no client can act. It may be transient (a network) or not
    # (a bug): it gets the same attempts as a transient one.
    return Failure("internal_error", "An internal error occurred in Wallify.", retryable=True, trace=trace)
