"""Use cases on tasks: read, list, wait, cancel, and a cache of recent tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from chalicelib.errors import Conflict, IllegalTransition
from chalicelib.paging import Page
from chalicelib.ports import Clock, TaskStore
from chalicelib.tasks.model import Progress, Status, Task, TaskFilter
from chalicelib.tasks.parents import ParentTasks
from chalicelib.tasks.retry_policy import TaskPolicy

_LATE = timedelta(minutes=2)
"""A task is stored within a request after it was made, and history may be a moment behind."""
_MOST_PAGES = 8
"""Of history in one look; they may be short."""


@dataclass(frozen=True)
class RecentTasks:
    """What a look has found."""

    tasks: tuple[Task, ...]
    """Newest first, final or not."""
    active: tuple[Task, ...]
    """Those of all times that are not final, oldest first, up to a limit."""
    is_complete: bool
    """False when there were more tasks than are remembered."""


@dataclass(frozen=True)
class _Known:
    tasks: Mapping[str, Task]
    since: datetime
    """All tasks made since then are known, as they were at `seen`."""
    seen: datetime
    is_cut: bool
    """True when there were older ones that found no room."""


class RecentTaskCache:
    """Remembers up to `most` tasks. A final task never changes, so none is read again but for the last minutes'."""

    def __init__(self, store: TaskStore, clock: Clock, *, most: int = 4_000, most_active: int = 500) -> None:
        self._store, self._clock, self._most, self._most_active = store, clock, most, most_active
        self._known: _Known | None = None

    def since(self, moment: datetime) -> RecentTasks:
        """Tasks made at or after the moment.

        Costs grow with the tasks that are active and with those that were made or ended since the last look, and never
        beyond `most`; a first look, or one farther back than any before, reads the whole stretch.
        """
        now, active = self._clock.now(), self._store.active(self._most_active).items
        known = self._known
        if known is None or (moment < known.since and not known.is_cut):
            known = self._read(moment, now)
        else:
            known = self._refreshed(known, active, now)
        self._known = known
        wanted = tuple(task for task in known.tasks.values() if task.created_at >= moment)
        return RecentTasks(wanted, active, known.since <= moment)

    def _refreshed(self, known: _Known, active: Iterable[Task], now: datetime) -> _Known:
        open_now = {task.task_id: task for task in active if task.created_at >= known.since}
        left = [task for task in known.tasks.values() if not task.is_final and task.task_id not in open_now]
        # What was open and is no more has ended, or found no room among the active; both are read from history.
        again = min([known.seen - _LATE, *(task.created_at for task in left)])
        fresh = self._read(max(again, known.since), now)
        if fresh.is_cut:
            return fresh
        ended = {task.task_id: task for task in known.tasks.values() if task.is_final}
        together = {**known.tasks, **open_now, **fresh.tasks, **ended}
        return self._cut(together.values(), known.since, now, is_cut=known.is_cut)

    def _read(self, since: datetime, now: datetime) -> _Known:
        found: list[Task] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = self._store.history(TaskFilter(since=since), self._most, cursor)
            found.extend(page.items)
            cursor = page.next_cursor
            if cursor is None or len(found) >= self._most:
                break
        return self._cut(found, since, now, is_cut=cursor is not None)

    def _cut(self, tasks: Iterable[Task], since: datetime, now: datetime, *, is_cut: bool) -> _Known:
        newest = sorted(tasks, key=lambda task: (task.created_at, task.task_id), reverse=True)
        kept = {task.task_id: task for task in newest[: self._most]}
        if len(newest) > self._most or (is_cut and newest):
            since, is_cut = max(since, newest[len(kept) - 1].created_at), True
        return _Known(kept, since, now, is_cut)


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
    policy: TaskPolicy
    parents: ParentTasks

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

    def with_child_counts(self, task: Task) -> Task:
        """A parent with what its children have come to by now; any other task, and a final one, as it is."""
        if not task.children or task.is_final:
            return task
        tally = self.store.child_counts(task.task_id)
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
            raise IllegalTransition("task.already_ended", task_id=task_id, status=task.status)
        try:
            stopped = self.store.replace(task, task.cancelled(now=self.clock.now(), keep=self.policy.keep))
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
            return self.parents.finish_if_done(self.store.get(stopped.task_id))
        if stopped.is_final:
            self.parents.child_ended(stopped)
        return stopped
