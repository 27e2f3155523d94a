"""Making dead letters: the message of a task that nobody could do, beside the work of its lane."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib.core.jobs import lane_of
from chalicelib.core.messages import Work, write
from chalicelib.core.tasks import Failure, Task, TaskType
from chalicelib.errors import WallifyError
from chalicelib.ports import Metrics, Queue

Bury = Callable[[Task, Failure], None]
"""See `Letters.bury`."""


@dataclass(frozen=True)
class Letters:
    """Writes dead letters."""

    queues: Mapping[TaskType, Queue]
    metrics: Metrics

    def bury(self, task: Task, error: Failure) -> None:
        """Keep a letter about the task, with the reason. Unavailable; asked for twice there may be two letters."""
        self.queues[task.type].bury(write(Work(task.task_id)), reason=error.code)
        self.metrics.count("DeadLetters", queue=lane_of(task.type))

    def give_up(self, body: str, kind: TaskType, fault: WallifyError) -> None:
        """Keep a message whose task nobody could so much as read, with the fault that says why. Unavailable."""
        self.queues[kind].bury(body, reason=fault.code)
        self.metrics.count("DeadLetters", queue=lane_of(kind))


def unburied(task: Task, error: Failure) -> None:
    """Keep no letter: for whoever has no queue."""
