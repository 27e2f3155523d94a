"""What is remembered of the newest tasks is what a full look would find."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.memory import MemoryState
from chalicelib.tasks.model import Status, Task, TaskFilter
from chalicelib.tasks.service import RecentTaskCache
from tests.builders import NOON, FrozenClock, a_final_task, a_task

MINUTE = timedelta(minutes=1)
moves = st.lists(
    st.one_of(
        st.tuples(st.just("make"), st.integers(0, 110)),
        st.tuples(st.just("start"), st.integers(0, 30)),
        st.tuples(st.just("end"), st.integers(0, 30)),
        st.tuples(st.just("wait"), st.integers(1, 20 * 60)),
        st.tuples(st.just("look"), st.integers(1, 180)),
    ),
    max_size=40,
)


class Past:
    """A task store to which things happen."""

    def __init__(self) -> None:
        self.clock, self.store = FrozenClock(), MemoryState().tasks
        self.ids: list[str] = []

    def happen(self, kind: str, number: int) -> None:
        """One move; what does not fit is left out."""
        if kind == "make":
            made = a_task(f"t{len(self.ids)}", created_at=self.clock.now() - timedelta(seconds=number))
            self.ids.append(made.task_id)
            self.store.add(made)
        elif kind == "wait":
            self.clock.move(timedelta(seconds=number))
        elif self.ids:
            self._move(self.store.get(self.ids[number % len(self.ids)]), kind)

    def _move(self, task: Task, kind: str) -> None:
        if not task.is_final:
            status = Status.STARTED if kind == "start" else Status.SUCCESS
            ended = None if kind == "start" else self.clock.now()
            self.store.replace(task, replace(task, status=status, finished_at=ended))

    def all(self, since_minutes: int) -> list[Task]:
        """What is there, newest first, read as a whole."""
        since = self.clock.now() - since_minutes * MINUTE
        return list(self.store.history(TaskFilter(since=since), 1_000).items)


@settings(deadline=None)
@given(moves)
def test_every_look_finds_what_reading_everything_finds(moves: list[tuple[str, int]]) -> None:
    past = Past()
    recent = RecentTaskCache(past.store, past.clock)
    for kind, number in [*moves, ("look", 60)]:
        if kind != "look":
            past.happen(kind, number)
            continue
        found = recent.since(past.clock.now() - number * MINUTE)
        assert (list(found.tasks), found.is_complete) == (past.all(number), True)


@settings(deadline=None)
@given(moves)
def test_with_little_room_the_newest_are_found_and_it_says_what_is_missing(moves: list[tuple[str, int]]) -> None:
    past = Past()
    recent = RecentTaskCache(past.store, past.clock, most=5, most_active=3)
    for kind, number in [*moves, ("look", 60)]:
        if kind != "look":
            past.happen(kind, number)
            continue
        found = recent.since(past.clock.now() - number * MINUTE)
        everything = past.all(number)
        assert list(found.tasks) == everything[: len(found.tasks)]
        assert len(found.tasks) >= min(5, len(everything))
        assert not found.is_complete or found.tasks == tuple(everything)


def test_one_that_waits_for_long_keeps_nothing_from_being_remembered() -> None:
    past = Past()
    past.store.add(a_task("stuck", created_at=NOON - timedelta(hours=5)))
    for number in range(30):
        past.store.add(a_final_task(f"t{number}", created_at=NOON - number * 10 * MINUTE))
    recent = RecentTaskCache(past.store, past.clock)

    with patch.object(past.store, "history", wraps=past.store.history) as history:
        for _ in range(2):
            found = recent.since(NOON - timedelta(hours=6))

    assert len(found.tasks) == 31
    assert [asked.args[0].since for asked in history.call_args_list] == [NOON - timedelta(hours=6), NOON - 2 * MINUTE]
