"""The newest tasks, remembered by this process: whoever looks again reads only what may have changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.core.tasks import Task, TaskFilter
from chalicelib.ports import Clock, TaskStore

_LATE = timedelta(minutes=2)
"""A task is stored within a request after it was made, and history may be a moment behind."""
_MOST_PAGES = 8
"""Of history in one look; they may be short."""


@dataclass(frozen=True)
class Recently:
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


class Recent:
    """Remembers up to `most` tasks. A final task never changes, so none is read again but for the last minutes'."""

    def __init__(self, store: TaskStore, clock: Clock, *, most: int = 4_000, most_active: int = 500) -> None:
        self._store, self._clock, self._most, self._most_active = store, clock, most, most_active
        self._known: _Known | None = None

    def since(self, moment: datetime) -> Recently:
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
        return Recently(wanted, active, known.since <= moment)

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
