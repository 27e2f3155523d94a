"""Parent tasks: their states, and their end with the last of their children."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib.errors import Conflict, TaskNotFound
from chalicelib.ports import Clock, TaskStore
from chalicelib.tasks.model import ChildCounts, Failure, Status, Task
from chalicelib.tasks.retry_policy import TaskPolicy

OPENING = "opening"
"""Argument of a parent until the request that creates it has stored all of its children and their objects."""


def is_opening(parent: Task) -> bool:
    """True while the parent's request runs or after it was interrupted; for a final parent, that it is incomplete."""
    return OPENING in parent.args


def is_abandoned(child: Task) -> bool:
    """True for a child that ended because its object was never stored."""
    return child.attempts == 0 and child.error is not None and child.error.code == "source_gone"


def opened(parent: Task) -> Task:
    """Return the parent without the argument `opening`: all of its children exist."""
    return replace(parent, args={name: value for name, value in parent.args.items() if name != OPENING})


def outcome(parent: Task, counts: ChildCounts) -> Status | None:
    """Return the parent's final state, or None while children are not final.

    SUCCESS if all children succeeded, PARTIAL if some did; if none did, REVOKED if the parent was cancelled and
    FAILURE otherwise.
    """
    if counts.finished < parent.children:
        return None
    if counts.succeeded == parent.children:
        return Status.SUCCESS
    if counts.succeeded:
        return Status.PARTIAL
    return Status.REVOKED if counts.cancelled and parent.cancel_requested else Status.FAILURE


_MOST_CHILDREN = 500
"""Most children of a parent that one request creates."""
_INCOMPLETE = Failure("source_gone", "Some files of this upload did not arrive.")


@dataclass(frozen=True)
class ParentTasks:
    """Ends parent tasks. Every method may be called again at any time, also by several processes at once."""

    tasks: TaskStore
    clock: Clock
    policy: TaskPolicy

    def child_ended(self, parent_id: str) -> None:
        """End the parent if all its children have ended; do nothing if it has expired and was deleted."""
        with suppress(TaskNotFound):
            self.finish_if_done(self.tasks.get(parent_id))

    def mark_complete(self, parent: Task) -> Task:
        """Mark the parent as complete: from now on it ends with its last child."""
        latest = self.tasks.get(parent.task_id)
        if latest.is_final or not is_opening(latest):
            return self.finish_if_done(latest)
        try:
            return self.finish_if_done(self.tasks.replace(latest, opened(latest)))
        except Conflict:
            return self.mark_complete(parent)

    def finish_if_done(self, parent: Task) -> Task:
        """End the parent if all its children have ended; of several concurrent callers one writes.

        A parent whose request is not complete ends only if it was cancelled, because more children may follow.
        """
        if is_opening(parent) and not parent.cancel_requested:
            return parent
        return self.finish(parent)

    def finish(self, parent: Task) -> Task:
        """End the parent if all its children have ended, also if its request was interrupted."""
        if parent.is_final:
            return parent
        counts = self.tasks.child_counts(parent.task_id)
        status = outcome(parent, counts)
        if status is None:
            return parent
        try:
            return self.tasks.replace(
                parent, parent.parent_finished(status, counts, now=self.clock.now(), keep=self._keep(status))
            )
        except Conflict:
            return self.finish(self.tasks.get(parent.task_id))

    def abandon(self, parent: Task) -> Task:
        """End the parent of an interrupted request that was not repeated, if all its children have ended.

        The sweeper ends the children that wait for an object one by one, as any other task.
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

    def is_stopping(self, parent_id: str) -> bool:
        """True if the parent was cancelled, so that its children must not begin."""
        try:
            return self.tasks.get(parent_id).cancel_requested
        except TaskNotFound:
            return False

    def _keep(self, status: Status) -> timedelta:
        return self.policy.keep_failed if status in {Status.FAILURE, Status.PARTIAL} else self.policy.keep
