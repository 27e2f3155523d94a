"""Leases of tasks: claim a task for one attempt, record its steps, release it, end it, and count lost workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.errors import Conflict, Unavailable, WallifyError
from chalicelib.json_formats import ObjectCreated
from chalicelib.ports import Clock, TaskStore
from chalicelib.tasks.dead_letters import PublishDeadLetter, discard_dead_letter
from chalicelib.tasks.factory import ETAG, STEPS, VERSION, arguments_of, belongs, is_tied
from chalicelib.tasks.model import Failure, FirstClaim, Progress, Status, Task, TaskType
from chalicelib.tasks.retry_policy import TaskPolicy

WORKER_LOST = Failure("worker_lost", "Several workers in turn stopped or ran out of time.", retryable=True)
POISON = Failure("poison_image", "Two workers in turn stopped or ran out of time on this image; it is not tried again.")
PROCESSING = Progress(1, STEPS, "processing")
"""Step of a `process_image` task that begins with its lease, in the same write."""
STORING = "storing"
"""Name of the step that workers of earlier versions record when the picture had been decoded and encoded."""
_DEATHS = "worker_deaths"
_POISON_DEATHS = 2


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
    """The task was cancelled."""


class LostLease(WallifyError):
    """Another run has taken this task over; what this one did no longer counts."""


@dataclass(frozen=True)
class Leases:
    """State changes of a task during one attempt; each method makes one conditional write.

    Methods that record progress raise Cancelled if the task was asked to stop, and LostLease if another run has claimed
    it; the attempt must then stop.
    """

    tasks: TaskStore
    clock: Clock
    policy: TaskPolicy
    jitter: Callable[[], float]
    """Returns a random number in 0..1."""
    publish_dead_letter: PublishDeadLetter = discard_dead_letter
    """Called before a task ends for lack of attempts; a crash between the two leaves a duplicate letter, not a missing
    one."""
    has_renditions: Callable[[Task], bool] = lambda _: False
    """Whether an attempt at the task has stored a rendition; called only if the task has lost its worker."""

    def begin(
        self, task_id: str, owner: str, arrival: ObjectCreated | None = None, *, known: Task | None = None
    ) -> Task:
        """Claim the task for `owner`, and bind it to the announced object version unless it has one.

        The task is read unless `known` is what the caller has just read; if it has changed since, it is read again.

        Raises:
            TaskNotFound: there is no such task.
            OtherVersion: the announced version belongs to another task.
            AlreadyFinal: the task has ended.
            OutOfAttempts: the task ended in this call, because its last worker was lost.
            LeaseHeld: another run holds the lease.
        """
        now = self.clock.now()
        task = self.tasks.get(task_id) if known is None else known
        if arrival is not None and not belongs(task, arrival):
            raise OtherVersion
        if task.is_final:
            raise AlreadyFinal(task)
        if task.is_held(now) and task.owner != owner:
            raise LeaseHeld((task.lease_until or now) - now)
        try:
            return self._claim(task, owner, arrival)
        except Conflict:
            # The task changed between the read and the write: read it again, and find it held, final or changed.
            return self.begin(task_id, owner, arrival)

    def claim(self, task_id: str, owner: str, arrival: ObjectCreated) -> Task | None:
        """Claim an upload's task for its first attempt, without reading it; None if `begin` must decide."""
        now, version = self.clock.now(), arguments_of(arrival.version, arrival.etag)
        claim = FirstClaim(
            task_id, arrival.key, owner, now, self.policy.lease, PROCESSING, version, unset=(VERSION, ETAG)
        )
        return self.tasks.claim(claim)

    def bind_version(self, task: Task, version: str, etag: str) -> Task:
        """Record which version of its object the task works on.

        Raises: Cancelled, LostLease.
        """
        try:
            return self.tasks.replace(task, task.with_args(arguments_of(version, etag)))
        except Conflict:
            return self.bind_version(self.confirm(task), version, etag)

    def record(self, task: Task, progress: Progress, args: Mapping[str, str], report: Mapping[str, object]) -> Task:
        """Store the progress, checkpoint and report of a chunked job after a step.

        Raises: Cancelled, LostLease.
        """
        try:
            return self.tasks.replace(task, task.with_checkpoint(progress, args, report))
        except Conflict:
            return self.record(self.confirm(task), progress, args, report)

    def release(self, task: Task, args: Mapping[str, str]) -> Task:
        """Release the lease of a chunked job, so that its next part can be claimed.

        Raises: Cancelled, LostLease.
        """
        try:
            return self.tasks.replace(task, task.released(args, now=self.clock.now()))
        except Conflict:
            return self.release(self.confirm(task), args)

    def stop(self, task: Task, report: Mapping[str, object], error: Failure | None = None) -> Task:
        """End a chunked job as PARTIAL at a limit; without `error` that is the time limit.

        Raises: LostLease.
        """
        now, keep = self.clock.now(), self.policy.keep_failed
        return self._end(task, lambda latest: latest.stopped(report, now=now, keep=keep, error=error))

    def succeed(self, task: Task, result: Mapping[str, object]) -> Task:
        """End the task as SUCCESS; the catalogue is not changed.

        Raises: Cancelled, LostLease.
        """
        try:
            return self.tasks.replace(task, self.succeeded(task, result))
        except Conflict:
            return self.succeed(self.confirm(task), result)

    def succeeded(self, task: Task, result: Mapping[str, object]) -> Task:
        """Return the snapshot that `succeed` would write, for stores that write it together with other rows."""
        return task.succeeded(result, now=self.clock.now(), keep=self.policy.keep)

    def fail(self, task: Task, error: Failure) -> Task:
        """End the task as FAILURE.

        Raises: LostLease.
        """
        return self._end(task, lambda latest: latest.failed(error, now=self.clock.now(), keep=self.policy.keep_failed))

    def revoke(self, task: Task) -> Task:
        """End the task as REVOKED, after a cancel request.

        Raises: LostLease.
        """
        return self._end(task, lambda latest: latest.revoked(now=self.clock.now(), keep=self.policy.keep))

    def retry(self, task: Task, error: Failure) -> timedelta | None:
        """Release the task for another attempt and return how long to wait.

        Return None if no attempts are left: the task has then ended as FAILURE, after its dead letter was published. If
        the letter cannot be published now, the task is released all the same, for the next message or the sweeper.

        Raises: LostLease.
        """
        if task.is_last_attempt(error.code) and self._is_dead_lettered(task, error):
            self.fail(task, error)
            return None
        self._end(task, lambda latest: latest.retrying(error))
        return self.policy.wait_after(task.attempts, self.jitter())

    def confirm(self, task: Task) -> Task:
        """Return the task's newest snapshot, if the attempt may go on.

        Raises: Cancelled, LostLease.
        """
        latest = self._reread(task)
        if latest.cancel_requested:
            raise Cancelled
        return latest

    def _claim(self, task: Task, owner: str, arrival: ObjectCreated | None) -> Task:
        now, counted = self.clock.now(), after_death(task, self.has_renditions)
        if task.attempts < task.max_attempts and not is_poison(counted):
            claimed = _at_first_step(counted.claimed(owner=owner, now=now, lease=self.policy.lease), now)
            version_args = {} if arrival is None or is_tied(task) else arguments_of(arrival.version, arrival.etag)
            return self.tasks.replace(task, claimed.with_args(version_args) if version_args else claimed)
        # An attempt without an error has lost its worker; a task that ends every worker must not be repeated for ever.
        error = POISON if is_poison(counted) else task.error or WORKER_LOST
        self.publish_dead_letter(task, error)
        failed = counted.failed(error, now=now, keep=self.policy.keep_failed)
        raise OutOfAttempts(self.tasks.replace(task, failed))

    def _is_dead_lettered(self, task: Task, error: Failure) -> bool:
        self._reread(task)  # a task that another run has claimed must not get a dead letter from this one
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


def _at_first_step(claimed: Task, now: datetime) -> Task:
    return claimed.at_step(PROCESSING, now) if claimed.type is TaskType.PROCESS_IMAGE else claimed


def after_death(task: Task, has_renditions: Callable[[Task], bool]) -> Task:
    """Return the task with one more lost worker counted, if its worker was lost while it processed the picture.

    A worker that has stored a rendition had finished with the picture.
    """
    held = task.status is Status.STARTED and task.lease_until is not None
    if not held or task.type is not TaskType.PROCESS_IMAGE:
        return task
    if any(step.stage == STORING for step in task.progress.passed) or has_renditions(task):
        return task
    return task.with_args({_DEATHS: str(_deaths(task) + 1)})


def is_poison(task: Task) -> bool:
    """True if two workers were lost over the task's picture."""
    return _deaths(task) >= _POISON_DEATHS


def _deaths(task: Task) -> int:
    return int(task.args.get(_DEATHS, "0"))
