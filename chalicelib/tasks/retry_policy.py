"""Leases, retention and retry delays of tasks, and the detection of pictures that end every worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from chalicelib.tasks.model import Failure, Status, Task, TaskType


@dataclass(frozen=True, slots=True)
class TaskPolicy:
    """Lease time, attempts, retention and retry delays of tasks."""

    lease: timedelta = timedelta(seconds=120)
    """Duration of a lease; longer than a function may run."""
    max_attempts: int = 5
    keep: timedelta = timedelta(days=30)
    """Retention of a task that ended as SUCCESS or REVOKED."""
    keep_failed: timedelta = timedelta(days=90)
    backoff: timedelta = timedelta(seconds=2)
    """Longest delay before the second attempt; it doubles with each further one."""
    backoff_cap: timedelta = timedelta(minutes=5)

    def wait_after(self, attempts: int, jitter: float) -> timedelta:
        """Return the delay before the next attempt, at least a second; `jitter` in 0..1 spreads attempts over time.

        Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        """
        doubled = min(max(attempts - 1, 0), 20)  # the cap is reached long before
        longest = min(self.backoff_cap, self.backoff * (1 << doubled))
        return max(longest * jitter, timedelta(seconds=1))


POISON = Failure("poison_image", "Two workers in turn died or ran out of time over this image; it is not tried again.")
STORING = "storing"
"""Name of the step that begins when the picture has been decoded and encoded."""
_DEATHS = "worker_deaths"
_POISON_DEATHS = 2


def after_death(task: Task) -> Task:
    """Return the task with one more lost worker counted, if its worker was lost while it processed the picture."""
    held = task.status is Status.STARTED and task.lease_until is not None
    if (
        not held
        or task.type is not TaskType.PROCESS_IMAGE
        or any(step.stage == STORING for step in task.progress.passed)
    ):
        return task
    return task.with_args({_DEATHS: str(_deaths(task) + 1)})


def is_poison(task: Task) -> bool:
    """True if two workers were lost over the task's picture."""
    return _deaths(task) >= _POISON_DEATHS


def _deaths(task: Task) -> int:
    return int(task.args.get(_DEATHS, "0"))
