"""Timeouts, retention and retry delays of tasks, and the detection of poison pictures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from chalicelib.tasks.model import Failure, Status, Task, TaskType


@dataclass(frozen=True, slots=True)
class TaskPolicy:
    """The numbers behind every task."""

    lease: timedelta = timedelta(seconds=120)
    """How long one run may hold a task; longer than a function may run."""
    max_attempts: int = 5
    keep: timedelta = timedelta(days=30)
    """How long the history remembers a task that ended well or was revoked."""
    keep_failed: timedelta = timedelta(days=90)
    backoff: timedelta = timedelta(seconds=2)
    """Longest wait before the second attempt; doubles with each further one."""
    backoff_cap: timedelta = timedelta(minutes=5)

    def wait_after(self, attempts: int, luck: float) -> timedelta:
        """How long to wait before the next attempt; `luck` in 0..1 spreads the crowd.

        Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        """
        doubled = min(max(attempts - 1, 0), 20)  # the cap is reached long before
        longest = min(self.backoff_cap, self.backoff * (1 << doubled))
        return max(longest * luck, timedelta(seconds=1))


POISON = Failure("poison_image", "Two workers in turn died or ran out of time over this image; it is not tried again.")
STORING = "storing"
"""Name of the step that begins when the picture itself is done with."""
_DEATHS = "worker_deaths"
_MOST = 2


def after_death(task: Task) -> Task:
    """The task with one death more to its name, where a worker held it while it was at the picture."""
    held = task.status is Status.STARTED and task.lease_until is not None
    if (
        not held
        or task.type is not TaskType.PROCESS_IMAGE
        or any(step.stage == STORING for step in task.progress.passed)
    ):
        return task
    return task.with_args({_DEATHS: str(_deaths(task) + 1)})


def is_poison(task: Task) -> bool:
    """True once its picture has ended two workers."""
    return _deaths(task) >= _MOST


def _deaths(task: Task) -> int:
    return int(task.args.get(_DEATHS, "0"))
