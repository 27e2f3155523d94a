"""Long jobs in slices: each message works for a bounded time, keeps where it stands in the task, and hands on.

Memory stays flat because a piece is bounded, cost is linear because a piece is done once; a repeated message finds the
task held or further on, and does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib.budget import BudgetSpent
from chalicelib.messages import Work, write
from chalicelib.metrics import NULL_METRICS
from chalicelib.ports import Metrics, Queue
from chalicelib.tasks.failpoints import Failpoint, noop
from chalicelib.tasks.lease import Leases
from chalicelib.tasks.model import LATE, Checkpoint, Failure, Position, Progress, Report, StepResult, Task, TaskType
from chalicelib.tasks.worker import Worker
from chalicelib.telemetry import log

_UNSAID = Failure("worker_lost", "Its worker died, ran out of time, or found no state store that it could tell.")


class ChunkedJob(Protocol):
    """One kind of long work."""

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """Do the next bounded piece: up to a thousand keys, or one picture. Doing it twice is harmless.

        BudgetSpent: it may take no more objects away; the job ends as PARTIAL with the report of the last piece.
        """
        ...


@dataclass(frozen=True)
class ChunkedJobs:
    """Runs long jobs, a slice for each message."""

    leases: Leases
    queues: Mapping[TaskType, Queue]
    jobs: Mapping[TaskType, Callable[[], ChunkedJob]]
    step_time: timedelta = timedelta(seconds=45)
    """How long one slice begins new pieces; a piece takes seconds, so this is far from the function's timeout."""
    soft_limit: timedelta = timedelta(minutes=25)
    """Age, from its first slice, at which a job stops with what it has done (the seed's soft time limit)."""
    failpoint: Failpoint = noop
    metrics: Metrics = NULL_METRICS
    before_claim: Task | None = None
    """The task as its message found it, before it was claimed."""

    def run(self, work: Work, runner: Worker) -> Task | None:
        """Work a message off: the task final or handed on, or None where there was nothing to do. As `Runner.run`."""
        task = self.leases.tasks.get(work.task_id)
        if work.part is not None and work.part < Checkpoint.of(task).part:
            self._answered(task, work.part)
            return None
        return runner.run(work.task_id, replace(self, before_claim=task))

    def do(self, task: Task) -> Task:
        """One slice; see Job."""
        job, now = self.jobs[task.type](), self.leases.clock.now()
        standing = Checkpoint.of(task)
        report = self._told(task, standing, Report.of(task.result))
        standing = replace(standing, began_at=standing.began_at or now)
        while True:
            try:
                piece = job.advance(task, standing.position, report)
            except BudgetSpent as spent:
                return self._spent(task, standing, report, spent)
            if piece.position is None:
                return self.leases.succeed(task, piece.report.result(complete=True, **piece.facts))
            standing, report = replace(standing, position=piece.position), piece.report
            task = self.leases.record(task, _progress(piece), standing.args(), report.result())
            self.failpoint("after_piece")
            if ended := self._time_is_up(task, standing, report, now + self.step_time):
                return ended

    def _spent(self, task: Task, standing: Checkpoint, report: Report, spent: BudgetSpent) -> Task:
        """The job has taken away what it may: it ends with what it has done, and people are told to look."""
        self.metrics.count("BudgetsSpent")
        log.error("budget spent", extra={"alarm": "budget_spent", "type": task.type, **spent.details})
        stopped = report.result(complete=False, stopped_at=standing.position, **spent.details)
        return self.leases.stop(task, stopped, Failure.of(spent))

    def undo(self, task: Task) -> None:
        """What a cancelled job has done stays done."""

    def discard(self, task: Task) -> None:
        """Keep what was done: each piece is whole."""

    def _told(self, task: Task, standing: Checkpoint, report: Report) -> Report:
        """The report, with what kept the job from its work: it began late, or an attempt at this part broke off."""
        if LATE in task.args and standing.began_at is None and task.attempts == 1:
            report = report.plus("began_late", example=task.args[LATE])
        if task.attempts == 1:
            return report
        error = (self.before_claim and self.before_claim.error) or _UNSAID
        return report.plus("interrupted", example=f"{error.code}: {error.message}")

    def _time_is_up(self, task: Task, standing: Checkpoint, report: Report, until: datetime) -> Task | None:
        now = self.leases.clock.now()
        if standing.began_at is not None and now >= standing.began_at + self.soft_limit:
            return self.leases.stop(task, report.result(complete=False, stopped_at=standing.position))
        return self._hand_on(task, standing) if now >= until else None

    def _hand_on(self, task: Task, standing: Checkpoint) -> Task:
        further = replace(standing, part=standing.part + 1)
        task = self.leases.release(task, further.args())
        self.failpoint("after_hand_on")
        self._announce(task)
        return task

    def _answered(self, task: Task, part: int) -> None:
        """Whoever answered this message may have died before it sent the next one; a second is harmless."""
        lost = not task.is_final and task.owner is None and part == Checkpoint.of(task).part - 1
        if lost:
            self._announce(task)

    def _announce(self, task: Task) -> None:
        self.queues[task.type].send(write(Work(task.task_id, Checkpoint.of(task).part)))


def _progress(piece: StepResult) -> Progress:
    return Progress(piece.done, max(piece.total, piece.done) if piece.total else 0, piece.stage)
