"""Pictures that end their workers: known by two deaths, and then left alone.

A worker that dies, or runs out of its function's time, says nothing; the next one finds its lease over. Most deaths are
no picture's fault, so the second one decides, and only those count that came before anything was stored.
"""

from __future__ import annotations

from chalicelib.core.tasks import Failure, Status, Task, TaskType

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
    return task.given({_DEATHS: str(_deaths(task) + 1)})


def is_poison(task: Task) -> bool:
    """True once its picture has ended two workers."""
    return _deaths(task) >= _MOST


def _deaths(task: Task) -> int:
    return int(task.args.get(_DEATHS, "0"))
