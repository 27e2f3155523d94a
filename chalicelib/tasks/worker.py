"""How every kind of work is run: take the lease, do the job, and turn whatever happens into the task's next state."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from traceback import format_exception
from typing import Protocol

from chalicelib.errors import OURS, TaskNotFound, TooManyRequests, Unavailable, WallifyError
from chalicelib.messages import ObjectCreated
from chalicelib.tasks.failpoints import Failpoint, noop
from chalicelib.tasks.lease import AlreadyFinal, Cancelled, LeaseHeld, Leases, LostLease, OutOfAttempts
from chalicelib.tasks.model import Failure, Task
from chalicelib.tasks.parents import ParentTasks
from chalicelib.telemetry import log

_EARLY = 3
"""Part of a lease after which its run has most likely ended, or will not."""
_MOST_TRACE = 4_000
"""Characters; the end of a traceback says the most."""


class Redeliver(WallifyError):
    """This message is still needed; show it again after `wait`, or once, at its first receive, after `early`."""

    code = "redeliver"

    def __init__(self, wait: timedelta, early: timedelta | None = None) -> None:
        super().__init__()
        self.wait = wait
        self.early = wait if early is None else early

    def after(self, receives: int) -> timedelta:
        """How long to hide a message that has been received so often.

        Receives are few: SQS makes a dead letter of what comes a sixth time, and a worker that dies uses one up. So a
        message that waits for another run's lease looks early only once, in case it is a repeated one.
        """
        return self.early if receives == 1 else self.wait


class Job(Protocol):
    """One kind of work."""

    def do(self, task: Task) -> Task:
        """Do the work of a claimed task and answer it final. Doing it twice has the effects of doing it once.

        A long job may answer it handed on instead: STARTED and held by nobody, with the message for its next part sent.
        """
        ...

    def undo(self, task: Task) -> None:
        """Remove what attempts at this task have left and what they were to work on, because it was cancelled."""
        ...

    def discard(self, task: Task) -> None:
        """Remove what attempts at this task, which has ended, have left behind; nothing that a retry would need."""
        ...


@dataclass(frozen=True)
class Worker:
    """Runs jobs. At most one run holds a task; a message that is still needed is answered with Redeliver."""

    leases: Leases
    parents: ParentTasks
    new_id: Callable[[], str]
    failpoint: Failpoint = noop
    unreported: dict[str, tuple[str, Failure]] = field(default_factory=dict)
    """Task -> the run of this process that may hold it, and how that ended, where the store did not answer then: it
    would look like a worker's death."""

    def run(self, task_id: str, job: Job, arrival: ObjectCreated | None = None) -> Task | None:
        """One attempt at the task: its final (or handed on) snapshot, or None where there was nothing to do.

        Redeliver while another run holds it, and after a fault that another attempt may not meet. OtherVersion where an
        object's `arrival` is not, or no longer, this task's.
        """
        self._tell_late()
        owner = self.new_id()
        try:
            task = self.leases.begin(task_id, owner, arrival)
        except (Unavailable, TooManyRequests) as fault:
            self.unreported[task_id] = (owner, Failure.of(fault))  # an answer that was lost: it may have begun
            raise
        except AlreadyFinal as repeated:
            log.info("task repeated", extra={"task_id": task_id, "status": repeated.task.status})
            self._leave_tidy(repeated.task, job)
            return repeated.task if isinstance(repeated, OutOfAttempts) else None
        except LeaseHeld as held:
            raise Redeliver(held.wait, early=held.wait / _EARLY) from held
        # For this attempt's lines only: the next event of a warm function is about something else.
        with log.append_context_keys(task_id=task_id, attempt=task.attempts):
            self.failpoint("after_claim")
            final = self._attempt(task, job)
            self.parents.child_ended(final)
        return final

    def _leave_tidy(self, task: Task, job: Job) -> None:
        if task.attempts:
            # The run that ended it may have died before it tidied up, or one that had lost it was still writing.
            job.discard(task)
        # Or before it told the parent.
        self.parents.child_ended(task)

    def _attempt(self, task: Task, job: Job) -> Task:
        try:
            return self._outcome(task, job)
        except LostLease as lost:
            # The run that has the task now may be working from this very message: do not delete it under its feet.
            raise Redeliver(self.leases.policy.lease) from lost

    def _outcome(self, task: Task, job: Job) -> Task:
        try:
            return self._work(task, job)
        except LostLease:
            raise
        except Exception as fault:  # noqa: BLE001  # whatever it is, the task must learn of it
            return self._failed(task, fault, job)

    def _work(self, task: Task, job: Job) -> Task:
        try:
            if task.cancel_requested or self.parents.is_stopping(task):
                raise Cancelled  # noqa: TRY301  # asked for during an earlier attempt; the answer is the one below
            return job.do(task)
        except Cancelled:
            job.undo(task)
            return self.leases.revoke(task)

    def _failed(self, task: Task, fault: Exception, job: Job) -> Task:
        error = _failure(fault)
        if not error.retryable:
            # With what our readers raised over the picture's bytes, which may be a mistake of theirs after all.
            log.info("task failed", extra={"code": error.code, "reason": error.message}, exc_info=fault.__cause__)
            return self._discarded(self.leases.fail(task, error), job)
        alarm = {"alarm": error.code, **({"cause": error.cause} if error.cause else {})} if error.code in OURS else {}
        log.exception("attempt failed", extra={"code": error.code, **alarm})
        wait = self._told(task, error)
        if wait is None:
            return self._discarded(self.leases.tasks.get(task.task_id), job)
        raise Redeliver(wait) from fault

    def _told(self, task: Task, error: Failure) -> timedelta | None:
        """See `Attempts.retry`. What the store does not take now, this process tells when it is called again."""
        try:
            return self.leases.retry(task, error)
        except (Unavailable, TooManyRequests):
            self.unreported[task.task_id] = (str(task.owner), error)
            raise

    def _tell_late(self) -> None:
        for task_id, (owner, error) in list(self.unreported.items()):
            try:
                self._tell(task_id, owner, error)
            except (Unavailable, TooManyRequests):
                return
            self.unreported.pop(task_id, None)  # another thread may have told it

    def _tell(self, task_id: str, owner: str, error: Failure) -> None:
        with suppress(LostLease, TaskNotFound):  # somebody has looked after it, or it is forgotten
            task = self.leases.tasks.get(task_id)
            if task.owner == owner:
                self.leases.retry(task, error)

    def _discarded(self, task: Task, job: Job) -> Task:
        # Attempts may have stored something; what cannot be removed now is the nightly clean-up's.
        with suppress(Unavailable):
            job.discard(task)
        return task


def _failure(fault: Exception) -> Failure:
    trace = "".join(format_exception(fault))[-_MOST_TRACE:]
    if isinstance(fault, WallifyError) and fault.code != WallifyError.code:
        # What the client has to mend needs no look into the code.
        return Failure.of(fault, trace=trace if fault.retryable else "")
    # Nobody foresaw this one, or it is of a kind without a code, on which no client can act. It may pass (a network),
    # or not (a bug): it gets the same attempts as a transient fault.
    return Failure("internal_error", "Something went wrong inside Wallify.", retryable=True, trace=trace)
