"""Parents and their children: a parent ends once, when the last of its children has."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.core.families import is_given_up, is_opening, opened, outcome
from chalicelib.core.tasks import Failure, Status, Task
from chalicelib.errors import Conflict, TaskNotFound
from chalicelib.ports import Clock, TaskStore
from chalicelib.services.rules import TaskRules

_MOST_CHILDREN = 500
"""Of a job that comes in one request."""
_INCOMPLETE = Failure("source_gone", "Not all of its files have arrived.")


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

    def opened(self, parent: Task) -> Task:
        """The parent, whose request has handed over all of its files: from now on it ends with its last child."""
        latest = self.tasks.get(parent.task_id)
        if latest.is_final or not is_opening(latest):
            return self.settle(latest)
        try:
            return self.settle(self.tasks.replace(latest, opened(latest)))
        except Conflict:
            return self.opened(parent)

    def settle(self, parent: Task) -> Task:
        """The parent, ended if all its children have; of several who see the last child end, one writes it.

        One whose request is still at work does not end, unless it was cancelled: more may be to come.
        """
        if is_opening(parent) and not parent.cancel_requested:
            return parent
        return self.conclude(parent)

    def conclude(self, parent: Task) -> Task:
        """As `settle`, also where its request has broken off for good."""
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
            return self.conclude(self.tasks.get(parent.task_id))

    def let_go(self, parent: Task) -> Task:
        """The parent of a request that has broken off and did not come again, ended if nothing is under way any more.

        Those of its children that wait for an object are given up one by one, as any task that does.
        """
        page = self.tasks.children(parent.task_id, _MOST_CHILDREN)
        if page.next_cursor or not all(child.is_final for child in page.items):
            return parent
        if len(page.items) < parent.children:
            return self.tasks.replace(
                parent, parent.failed(_INCOMPLETE, now=self.clock.now(), keep=self.rules.keep_failed)
            )
        if any(is_given_up(child) for child in page.items):
            return self.conclude(parent)
        return self.opened(parent)

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
