"""Chunked jobs: each message works for a bounded time, stores a checkpoint in the task, and sends the next message.

A step is bounded, so memory stays constant; each step is done once, so cost is linear. A repeated message finds the
task leased or at a later part, and does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from chalicelib.json_formats import Work, write
from chalicelib.ports import Metrics, Queue
from chalicelib.storage import BudgetSpent
from chalicelib.tasks.lease import Leases
from chalicelib.tasks.model import (
    LATE,
    Checkpoint,
    Failure,
    Position,
    Progress,
    Report,
    Status,
    StepResult,
    Task,
    TaskType,
)
from chalicelib.tasks.worker import Failpoint, Worker, noop
from chalicelib.telemetry import NULL_METRICS, log

_UNKNOWN_LOSS = Failure("worker_lost", "The worker stopped, ran out of time, or could not reach the state store.")


class ChunkedJob(Protocol):
    """One kind of chunked job."""

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """Do the next step: up to a thousand keys, or one picture. Repeating a step has no further effect.

        Raises:
            BudgetSpent: no more objects may be removed; the job ends as PARTIAL with the report of the last step.
        """
        ...


@dataclass(frozen=True)
class ChunkedJobs:
    """Runner of chunked jobs; each message runs one part, which is a number of steps."""

    leases: Leases
    queues: Mapping[TaskType, Queue]
    jobs: Mapping[TaskType, Callable[[], ChunkedJob]]
    step_time: timedelta = timedelta(seconds=45)
    """How long one part starts new steps; a step takes seconds, so this is far below the function's timeout."""
    soft_limit: timedelta = timedelta(minutes=25)
    """Age, counted from its first part, at which a job ends as PARTIAL (the soft time limit)."""
    failpoint: Failpoint = noop
    metrics: Metrics = NULL_METRICS
    after_cancel: Mapping[TaskType, Callable[[Task], None]] = MappingProxyType({})
    """What a cancelled job of that kind needs beside its end. It may be called twice, and after the task has ended."""
    before_claim: Task | None = None
    """The task as it was before the worker claimed it."""

    def run(self, work: Work, runner: Worker) -> Task | None:
        """Process a message: return the task, final or released for its next part, or None if there was nothing to do.

        Raises: the errors of `Worker.run`.
        """
        task = self.leases.tasks.get(work.task_id)
        if work.part is not None and work.part < Checkpoint.of(task).part:
            self._resend_if_lost(task, work.part)
            return None
        return runner.run(work.task_id, replace(self, before_claim=task))

    def do(self, task: Task) -> Task:
        """Run one part; see `Job.do`."""
        job, now = self.jobs[task.type](), self.leases.clock.now()
        checkpoint = Checkpoint.of(task)
        report = self._with_interruptions(task, checkpoint, Report.of(task.result))
        checkpoint = replace(checkpoint, began_at=checkpoint.began_at or now)
        while True:
            try:
                result = job.advance(task, checkpoint.position, report)
            except BudgetSpent as spent:
                return self._spent(task, checkpoint, report, spent)
            if result.position is None:
                return self.leases.succeed(task, result.report.result(complete=True, **result.facts))
            checkpoint, report = replace(checkpoint, position=result.position), result.report
            task = self.leases.record(task, _progress(result), checkpoint.args(), report.result())
            self.failpoint("after_piece")
            if ended := self._stop_at_limit(task, checkpoint, report, now + self.step_time):
                return ended

    def _spent(self, task: Task, checkpoint: Checkpoint, report: Report, spent: BudgetSpent) -> Task:
        """End the job as PARTIAL with its report, and raise the alarm `budget_spent`."""
        self.metrics.count("BudgetsSpent")
        log.error("budget spent", extra={"alarm": "budget_spent", "type": task.type, **spent.details})
        stopped = report.result(complete=False, stopped_at=checkpoint.position, **spent.details)
        return self.leases.stop(task, stopped, Failure.of(spent))

    def undo(self, task: Task) -> None:
        """Do what the kind's `after_cancel` says. The completed steps of a cancelled job stay."""
        if follow_up := self.after_cancel.get(task.type):
            follow_up(task)

    def discard(self, task: Task) -> None:
        """Follow up a job that was cancelled between two attempts, at its message for the next one."""
        if task.status is Status.REVOKED:
            self.undo(task)

    def _with_interruptions(self, task: Task, checkpoint: Checkpoint, report: Report) -> Report:
        """Return the report, with a late start and an interrupted attempt at this part counted in it."""
        if LATE in task.args and checkpoint.began_at is None and task.attempts == 1:
            report = report.plus("began_late", example=task.args[LATE])
        if task.attempts == 1:
            return report
        error = (self.before_claim and self.before_claim.error) or _UNKNOWN_LOSS
        return report.plus("interrupted", example=f"{error.code}: {error.message}")

    def _stop_at_limit(self, task: Task, checkpoint: Checkpoint, report: Report, until: datetime) -> Task | None:
        now = self.leases.clock.now()
        if checkpoint.began_at is not None and now >= checkpoint.began_at + self.soft_limit:
            return self._out_of_time(task, checkpoint, report)
        return self._release(task, checkpoint) if now >= until else None

    def _out_of_time(self, task: Task, checkpoint: Checkpoint, report: Report) -> Task:
        """End the job as PARTIAL with its report, and raise the alarm `job_unfinished`."""
        stopped = self.leases.stop(task, report.result(complete=False, stopped_at=checkpoint.position))
        self.metrics.count("JobsUnfinished")
        log.error("job unfinished", extra={"alarm": "job_unfinished", "type": task.type})
        return stopped

    def _release(self, task: Task, checkpoint: Checkpoint) -> Task:
        following = replace(checkpoint, part=checkpoint.part + 1)
        task = self.leases.release(task, following.args())
        self.failpoint("after_hand_on")
        self._send(task)
        return task

    def _resend_if_lost(self, task: Task, part: int) -> None:
        """Send the next part's message again if the worker died before it sent it; a duplicate is harmless."""
        lost = not task.is_final and task.owner is None and part == Checkpoint.of(task).part - 1
        if lost:
            self._send(task)

    def _send(self, task: Task) -> None:
        self.queues[task.type].send(write(Work(task.task_id, Checkpoint.of(task).part)))


def _progress(result: StepResult) -> Progress:
    return Progress(result.done, max(result.total, result.done) if result.total else 0, result.stage)
