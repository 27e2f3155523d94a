"""Parents and their children: a parent ends once, when the last of its children has."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.core.families import outcome
from chalicelib.core.tasks import Status, Task
from chalicelib.errors import Conflict, TaskNotFound
from chalicelib.ports import Clock, TaskStore
from chalicelib.services.rules import TaskRules


@dataclass(frozen=True)
class Families:
    """Ends parents. Every verb may be repeated, by anybody, at any time."""

    tasks: TaskStore
    clock: Clock
    rules: TaskRules

    def child_ended(self, child: Task) -> None:
        """End the child's parent, if this was the last child; a child without a parent is no error."""
        if child.parent_id is not None:
            # The parent's row is forgotten after its time, like any other.
            with suppress(TaskNotFound):
                self.settle(self.tasks.get(child.parent_id))

    def settle(self, parent: Task) -> Task:
        """The parent, ended if all its children have; of several who see the last child end, one writes it."""
        if parent.is_final:
            return parent
        tally = self.tasks.tally(parent.task_id)
        status = outcome(parent, tally)
        if status is None:
            return parent
        try:
            return self.tasks.replace(
                parent, parent.concluded(status, tally, now=self.clock.now(), keep=self._keep(status))
            )
        except Conflict:
            return self.settle(self.tasks.get(parent.task_id))

    def is_stopping(self, child: Task) -> bool:
        """True when the child's parent was cancelled, so that the child must not begin."""
        if child.parent_id is None:
            return False
        try:
            return self.tasks.get(child.parent_id).cancel_requested
        except TaskNotFound:
            return False

    def _keep(self, status: Status) -> timedelta:
        return self.rules.keep_failed if status in {Status.FAILURE, Status.PARTIAL} else self.rules.keep
