"""Of all who continue a run that its time limit has ended, one successor comes, whatever keeps the state."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from random import Random

from chalicelib.json_formats import Work, read
from chalicelib.maintenance.model import ScheduleStatus
from chalicelib.maintenance.schedules import Schedules
from chalicelib.tasks.factory import JobEnqueuer
from chalicelib.tasks.model import CONTINUES, Status, Task, TaskType
from chalicelib.tasks.retry_policy import TaskPolicy
from tests.builders import NOON, FrozenClock
from tests.contracts.backends import State
from tests.contracts.racing import CROWD, all_at_once, losses
from tests.memory_queue import MemoryQueue

NAME = "update_collection_stats"
KEEP = timedelta(days=9)


def schedules_on(state: State, queue: MemoryQueue) -> Schedules:
    clock, ids = FrozenClock(), count()
    queues = {TaskType.UPDATE_COLLECTION_STATS: queue}
    jobs = JobEnqueuer(state.tasks, queues, clock, TaskPolicy(), lambda: f"job-{next(ids)}")
    return Schedules(state.schedules, state.tasks, jobs)


def cut_off(state: State, task: Task, position: str) -> Task:
    """End the task as its time limit would, at this position."""
    lease = timedelta(minutes=6)
    stored = state.tasks.replace(task, task.claimed(owner="run-1", now=NOON, lease=lease))
    moved = replace(stored, args={**stored.args, "position": position})
    ended = replace(moved, status=Status.PARTIAL, owner=None, finished_at=NOON, expires_at=NOON + KEEP)
    return state.tasks.replace(stored, ended)


def test_of_many_who_continue_a_run_one_successor_comes(state: State) -> None:
    queue = MemoryQueue(FrozenClock(), Random(1))
    schedules = schedules_on(state, queue)
    first = schedules.start(NAME, NOON)
    assert first is not None
    cut_off(state, first, '{"after":"a"}')
    queue.messages.clear()
    assert losses(all_at_once([partial(schedules.go_on, NAME)] * CROWD)) == []
    (successor,) = state.tasks.active(9).items
    assert (successor.args[CONTINUES], state.schedules.get(NAME).last_task_id) == ('{"after":"a"}', successor.task_id)
    assert {one for message in queue.messages for one in read(message.body)} == {Work(successor.task_id)}


def test_one_who_comes_late_changes_nothing(state: State) -> None:
    queue = MemoryQueue(FrozenClock(), Random(1))
    schedules = schedules_on(state, queue)
    first = schedules.start(NAME, NOON)
    assert first is not None
    cut_off(state, first, '{"after":"a"}')
    behind = state.schedules.get(NAME)
    second = schedules.go_on(NAME)
    assert second is not None
    cut_off(state, second, '{"after":"b"}')
    third = schedules.go_on(NAME)
    assert third is not None
    ended = state.tasks.get(second.task_id)

    late = replace(schedules, store=_Behind(state, behind))
    assert late.go_on(NAME) is None
    assert (state.tasks.get(second.task_id), state.tasks.active(9).items) == (ended, (third,))
    assert state.schedules.get(NAME).last_task_id == third.task_id


class _Behind:
    """Sees the slot first as it was before."""

    def __init__(self, state: State, seen: ScheduleStatus) -> None:
        self._store, self._seen = state.schedules, [seen]

    def get(self, name: str) -> ScheduleStatus:
        return self._seen.pop() if self._seen else self._store.get(name)

    def replace(self, before: ScheduleStatus, after: ScheduleStatus) -> ScheduleStatus:
        return self._store.replace(before, after)
