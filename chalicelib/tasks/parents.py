"""Parent tasks: how they start, and how they end with the last of their children."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib.errors import Conflict, TaskNotFound
from chalicelib.ports import Clock, TaskStore
from chalicelib.tasks.model import ChildCounts, Failure, Status, Task
from chalicelib.tasks.retry_policy import TaskPolicy

OPENING = "opening"
"""Argument of a parent while the request that opens it has not handed over all of its files."""


def is_opening(parent: Task) -> bool:
    """True while its request is at work or has broken off; of a parent that has ended, that it was never complete."""
    return OPENING in parent.args


def is_abandoned(child: Task) -> bool:
    """True for a child that waited for its object in vain."""
    return child.attempts == 0 and child.error is not None and child.error.code == "source_gone"


def opened(parent: Task) -> Task:
    """The parent, complete."""
    return replace(parent, args={name: value for name, value in parent.args.items() if name != OPENING})


def outcome(parent: Task, tally: ChildCounts) -> Status | None:
    """The parent's final state, or None while children are still to end.

    SUCCESS when all succeeded, FAILURE when none did, REVOKED when it was cancelled before anything came of it, and
    PARTIAL for every mixture.
    """
    if tally.finished < parent.children:
        return None
    if tally.succeeded == parent.children:
        return Status.SUCCESS
    if tally.succeeded:
        return Status.PARTIAL
    return Status.REVOKED if tally.cancelled and parent.cancel_requested else Status.FAILURE


_MOST_CHILDREN = 500
"""Of a job that comes in one request."""
_INCOMPLETE = Failure("source_gone", "Not all of its files have arrived.")


@dataclass(frozen=True)
class ParentTasks:
    """Ends parents. Every verb may be repeated, by anybody, at any time."""

    tasks: TaskStore
    clock: Clock
    policy: TaskPolicy

    def child_ended(self, child: Task) -> None:
        """End the child's parent, if this was the last child; a child without a parent is no error."""
        if child.parent_id is not None:
            # The parent's row is forgotten after its time, like any other.
            with suppress(TaskNotFound):
                self.finish_if_done(self.tasks.get(child.parent_id))

    def mark_complete(self, parent: Task) -> Task:
        """The parent, whose request has handed over all of its files: from now on it ends with its last child."""
        latest = self.tasks.get(parent.task_id)
        if latest.is_final or not is_opening(latest):
            return self.finish_if_done(latest)
        try:
            return self.finish_if_done(self.tasks.replace(latest, opened(latest)))
        except Conflict:
            return self.mark_complete(parent)

    def finish_if_done(self, parent: Task) -> Task:
        """The parent, ended if all its children have; of several who see the last child end, one writes it.

        One whose request is still at work does not end, unless it was cancelled: more may be to come.
        """
        if is_opening(parent) and not parent.cancel_requested:
            return parent
        return self.finish(parent)

    def finish(self, parent: Task) -> Task:
        """As `settle`, also where its request has broken off for good."""
        if parent.is_final:
            return parent
        tally = self.tasks.child_counts(parent.task_id)
        status = outcome(parent, tally)
        if status is None:
            return parent
        try:
            return self.tasks.replace(
                parent, parent.parent_finished(status, tally, now=self.clock.now(), keep=self._keep(status))
            )
        except Conflict:
            return self.finish(self.tasks.get(parent.task_id))

    def abandon(self, parent: Task) -> Task:
        """The parent of a request that has broken off and did not come again, ended if nothing is under way any more.

        Those of its children that wait for an object are given up one by one, as any task that does.
        """
        page = self.tasks.children(parent.task_id, _MOST_CHILDREN)
        if page.next_cursor or not all(child.is_final for child in page.items):
            return parent
        if len(page.items) < parent.children:
            return self.tasks.replace(
                parent, parent.failed(_INCOMPLETE, now=self.clock.now(), keep=self.policy.keep_failed)
            )
        if any(is_abandoned(child) for child in page.items):
            return self.finish(parent)
        return self.mark_complete(parent)

    def is_stopping(self, child: Task) -> bool:
        """True when the child's parent was cancelled, so that the child must not begin."""
        if child.parent_id is None:
            return False
        try:
            return self.tasks.get(child.parent_id).cancel_requested
        except TaskNotFound:
            return False

    def _keep(self, status: Status) -> timedelta:
        return self.policy.keep_failed if status in {Status.FAILURE, Status.PARTIAL} else self.policy.keep
