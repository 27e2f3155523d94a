"""One attempt at a task: taking the lease, going from step to step, and ending it in one of four ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.errors import Conflict, Unavailable, WallifyError
from chalicelib.messages import ObjectCreated
from chalicelib.ports import Clock, TaskStore
from chalicelib.tasks.dead_letters import PublishDeadLetter, discard_dead_letter
from chalicelib.tasks.model import Failure, Progress, Status, Task
from chalicelib.tasks.retry_policy import POISON, TaskPolicy, after_death, is_poison
from chalicelib.tasks.source import arguments_of, belongs, is_tied

WORKER_LOST = Failure("worker_lost", "Its workers died or ran out of time, again and again.", retryable=True)


class AlreadyFinal(WallifyError):
    """The task has ended; a repeated message has nothing to do."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task


class OutOfAttempts(AlreadyFinal):
    """The task has ended just now, because its last attempt never answered."""


class LeaseHeld(WallifyError):
    """Another run holds the task; look again when its lease is over."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__()
        self.wait = wait


class OtherVersion(WallifyError):
    """The task works on another version of the object than the one that was announced."""


class Cancelled(WallifyError):
    """Somebody wants this task to stop."""


class LostLease(WallifyError):
    """Another run has taken this task over; what this one did no longer counts."""


@dataclass(frozen=True)
class Leases:
    """Moves one task through one attempt; each verb is one conditional write."""

    tasks: TaskStore
    clock: Clock
    policy: TaskPolicy
    jitter: Callable[[], float]
    """Random numbers in 0..1."""
    publish_dead_letter: PublishDeadLetter = discard_dead_letter
    """Keeps a letter of what no attempt could do, before its task ends: who dies in between leaves one too many."""

    def begin(self, task_id: str, owner: str, arrival: ObjectCreated | None = None) -> Task:
        """Take the lease, and tie the task to the version that was announced, if it is tied to none yet.

        OtherVersion where the announced version is not this task's; AlreadyFinal, OutOfAttempts, or Held by another;
        TaskNotFound.
        """
        now = self.clock.now()
        task = self.tasks.get(task_id)
        if arrival is not None and not belongs(task, arrival):
            raise OtherVersion
        if task.is_final:
            raise AlreadyFinal(task)
        if task.is_held(now) and task.owner != owner:
            raise LeaseHeld((task.lease_until or now) - now)
        try:
            return self._claim(task, owner, arrival)
        except Conflict:
            # Somebody moved it between our look and our write: look again, and find it held, final or changed.
            return self.begin(task_id, owner, arrival)

    def begin_step(self, task: Task, progress: Progress) -> Task:
        """Note the step that begins. Cancelled or LostLease if the attempt must stop here."""
        try:
            return self.tasks.replace(task, task.at_step(progress, self.clock.now()))
        except Conflict:
            return self.begin_step(self.confirm(task), progress)

    def bind_version(self, task: Task, version: str, etag: str) -> Task:
        """Note which version of its object the task works on. Cancelled or LostLease if the attempt must stop here."""
        try:
            return self.tasks.replace(task, task.with_args(arguments_of(version, etag)))
        except Conflict:
            return self.bind_version(self.confirm(task), version, etag)

    def record(self, task: Task, progress: Progress, args: Mapping[str, str], report: Mapping[str, object]) -> Task:
        """Note that a long job is a piece further. Cancelled or LostLease if the attempt must stop here."""
        try:
            return self.tasks.replace(task, task.with_checkpoint(progress, args, report))
        except Conflict:
            return self.record(self.confirm(task), progress, args, report)

    def release(self, task: Task, args: Mapping[str, str]) -> Task:
        """Let a long job go, for its next part. Cancelled or LostLease as in `step`."""
        try:
            return self.tasks.replace(task, task.released(args, now=self.clock.now()))
        except Conflict:
            return self.release(self.confirm(task), args)

    def stop(self, task: Task, report: Mapping[str, object], error: Failure | None = None) -> Task:
        """End a long job at a limit, the time limit if without an error. LostLease if another run has the task now."""
        now, keep = self.clock.now(), self.policy.keep_failed
        return self._end(task, lambda latest: latest.stopped(report, now=now, keep=keep, error=error))

    def succeed(self, task: Task, result: Mapping[str, object]) -> Task:
        """End well, without touching the catalogue. Cancelled or LostLease if somebody was faster."""
        try:
            return self.tasks.replace(task, self.succeeded(task, result))
        except Conflict:
            return self.succeed(self.confirm(task), result)

    def succeeded(self, task: Task, result: Mapping[str, object]) -> Task:
        """The snapshot that `succeed` would write, for stores that write it together with more."""
        return task.succeeded(result, now=self.clock.now(), keep=self.policy.keep)

    def fail(self, task: Task, error: Failure) -> Task:
        """End without success. LostLease if another run has the task now."""
        return self._end(task, lambda latest: latest.failed(error, now=self.clock.now(), keep=self.policy.keep_failed))

    def revoke(self, task: Task) -> Task:
        """End because it was asked for. LostLease if another run has the task now."""
        return self._end(task, lambda latest: latest.revoked(now=self.clock.now(), keep=self.policy.keep))

    def retry(self, task: Task, error: Failure) -> timedelta | None:
        """Give the task back for another attempt and say how long to wait.

        None where there are no attempts left: then it has ended as FAILURE, and its dead letter says why. Where that
        letter cannot be kept now, the task waits, too, for whoever looks next.
        """
        if task.is_last_attempt(error.code) and self._is_buried(task, error):
            self.fail(task, error)
            return None
        self._end(task, lambda latest: latest.retrying(error))
        return self.policy.wait_after(task.attempts, self.jitter())

    def confirm(self, task: Task) -> Task:
        """The newest snapshot of an attempt that may go on; Cancelled or LostLease if it may not."""
        latest = self._reread(task)
        if latest.cancel_requested:
            raise Cancelled
        return latest

    def _claim(self, task: Task, owner: str, arrival: ObjectCreated | None) -> Task:
        now, known = self.clock.now(), after_death(task)
        if task.attempts < task.max_attempts and not is_poison(known):
            claimed = known.claimed(owner=owner, now=now, lease=self.policy.lease)
            tied = {} if arrival is None or is_tied(task) else arguments_of(arrival.version, arrival.etag)
            return self.tasks.replace(task, claimed.with_args(tied) if tied else claimed)
        # Where the last attempt has said nothing, its worker died; what kills every worker must not go on for ever.
        error = POISON if is_poison(known) else task.error or WORKER_LOST
        self.publish_dead_letter(task, error)
        lost = known.failed(error, now=now, keep=self.policy.keep_failed)
        raise OutOfAttempts(self.tasks.replace(task, lost))

    def _is_buried(self, task: Task, error: Failure) -> bool:
        self._reread(task)  # what another run has taken over is not ours to bury
        try:
            self.publish_dead_letter(task, error)
        except Unavailable:
            return False
        return True

    def _end(self, task: Task, move: Callable[[Task], Task]) -> Task:
        try:
            return self.tasks.replace(task, move(task))
        except Conflict:
            latest = self._reread(task)
            return self._end(latest, move)

    def _reread(self, task: Task) -> Task:
        latest = self.tasks.get(task.task_id)
        if latest.status is not Status.STARTED or (latest.owner, latest.attempts) != (task.owner, task.attempts):
            raise LostLease(status=latest.status)
        return latest
