"""Looking at tasks and steering them, whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from chalicelib.core.paging import Page
from chalicelib.core.tasks import Progress, Status, Task, TaskFilter
from chalicelib.errors import Conflict, IllegalTransition
from chalicelib.ports import Clock, TaskStore
from chalicelib.services.families import Families
from chalicelib.services.rules import TaskRules

_FIRST_LOOK = 0.05
_SLOWEST_LOOK = 0.5
_CHILDREN_NOW = 200
_TIME_FOR_CHILDREN = timedelta(seconds=5)
"""A client waits for the answer; what is left then, the sweeper does."""


@dataclass(frozen=True)
class Tasks:
    """What clients and operators may ask of tasks."""

    store: TaskStore
    clock: Clock
    rules: TaskRules
    families: Families

    def get(self, task_id: str) -> Task:
        """The newest snapshot; TaskNotFound."""
        return self.store.get(task_id)

    def wait(self, task_id: str, patience: timedelta, *, goes_on: Callable[[Task], bool] = lambda _: True) -> Task:
        """The task as soon as it is final, or as it is when patience ends or `goes_on` says so; TaskNotFound."""
        until, pause = self.clock.now() + patience, _FIRST_LOOK
        while not (task := self.store.get(task_id)).is_final:
            left = (until - self.clock.now()).total_seconds()
            if left <= 0 or not goes_on(task):
                break
            self.clock.sleep(min(pause, left))
            pause = min(pause * 1.5, _SLOWEST_LOOK)
        return task

    def counted(self, task: Task) -> Task:
        """A parent with what its children have come to by now; any other task, and a final one, as it is."""
        if not task.children or task.is_final:
            return task
        tally = self.store.tally(task.task_id)
        return replace(
            task, progress=Progress(tally.finished, task.children, task.progress.stage), result=asdict(tally)
        )

    def active(self, limit: int, cursor: str | None = None) -> Page[Task]:
        """Tasks that are not final, oldest first."""
        return self.store.active(limit, cursor)

    def history(self, wanted: TaskFilter, limit: int, cursor: str | None = None) -> Page[Task]:
        """Tasks that match, newest first."""
        return self.store.history(wanted, limit, cursor)

    def cancel(self, task_id: str) -> Task:
        """Stop a task: one that waits is REVOKED at once, one that runs is asked to stop at its next step.

        A parent takes its children along: the first few hundred now, the others when a worker or the sweeper looks.
        IllegalTransition (detail `status`) if it ended otherwise; cancelling twice answers the same. TaskNotFound.
        """
        task = self.store.get(task_id)
        if task.status is Status.REVOKED or (task.cancel_requested and not task.is_final):
            return task
        if task.is_final:
            raise IllegalTransition("The task has ended already.", task_id=task_id, status=task.status)
        try:
            stopped = self.store.replace(task, task.stopping(now=self.clock.now(), keep=self.rules.keep))
        except Conflict:
            # A worker moved it between our look and our write; its new state decides.
            return self.cancel(task_id)
        return self._with_family(stopped)

    def _with_family(self, stopped: Task) -> Task:
        if stopped.children:
            until = self.clock.now() + _TIME_FOR_CHILDREN
            for child in self.store.children(stopped.task_id, _CHILDREN_NOW).items:
                if self.clock.now() >= until:
                    break
                # One that has just ended is no reason to leave the others running.
                with suppress(IllegalTransition):
                    self.cancel(child.task_id)
            return self.families.settle(self.store.get(stopped.task_id))
        if stopped.is_final:
            self.families.child_ended(stopped)
        return stopped
