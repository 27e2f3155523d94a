from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.ports import Page
from chalicelib.tasks.model import Task, TaskFilter
from tests.builders import NOON, a_final_task, a_task, an_image
from tests.contracts.backends import State

# The stores are filled once and then only read, so examples may share them.
reading_only = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
limits = st.lists(st.integers(1, 30), min_size=1, max_size=5)
TASKS = [
    a_task(f"t{number:02}", created_at=NOON + timedelta(seconds=number // 3), parent_id="p1", index=number // 2)
    for number in range(23)
]


def walked(page_of: Callable[[int, str | None], Page[Task]], limits: list[int]) -> list[Task]:
    """Everything, with the limits taken in turn."""
    found: list[Task] = []
    cursor: str | None = None
    for turn in range(1_000):
        page = page_of(limits[turn % len(limits)], cursor)
        assert len(page.items) <= limits[turn % len(limits)]
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("the pages never end")


def fill(state: State) -> None:
    known = {task.task_id for task in state.tasks.history(TaskFilter(), 99).items}
    for task in TASKS:
        if task.task_id not in known:
            state.tasks.add(task)


@reading_only
@given(limits=limits)
def test_any_page_sizes_walk_the_same_active_tasks(state: State, limits: list[int]) -> None:
    fill(state)
    assert walked(state.tasks.active, limits) == TASKS


@reading_only
@given(limits=limits)
def test_any_page_sizes_walk_the_same_history(state: State, limits: list[int]) -> None:
    fill(state)
    assert walked(lambda limit, cursor: state.tasks.history(TaskFilter(), limit, cursor), limits) == TASKS[::-1]


@reading_only
@given(limits=limits, start=st.integers(-1, 9), seconds=st.integers(0, 9))
def test_any_page_sizes_walk_the_same_while(state: State, limits: list[int], start: int, seconds: int) -> None:
    fill(state)
    since = NOON + timedelta(seconds=start)
    wanted = TaskFilter(parent_id="p1", since=since, until=since + timedelta(seconds=seconds), text="T0")
    found = walked(lambda limit, cursor: state.tasks.history(wanted, limit, cursor), limits)
    assert found == [task for task in TASKS[::-1] if wanted.matches(task)]


@reading_only
@given(limits=limits)
def test_any_page_sizes_walk_the_same_children(state: State, limits: list[int]) -> None:
    fill(state)
    assert walked(lambda limit, cursor: state.tasks.children("p1", limit, cursor), limits) == TASKS


def test_pages_of_images_walk_the_collection(state: State) -> None:
    for number in range(7):
        task = a_task(f"t{number}")
        state.tasks.add(task)
        image = an_image(f"i{number}", created_at=NOON + timedelta(seconds=number // 2))
        state.catalog.publish(image, (), before=task, after=a_final_task(task.task_id))
    first = state.catalog.images("nature", 3)
    second = state.catalog.images("nature", 3, first.next_cursor)
    third = state.catalog.images("nature", 3, second.next_cursor)
    found = [image.image_id for page in (first, second, third) for image in page.items]
    assert (found, third.next_cursor) == ([f"i{number}" for number in range(6, -1, -1)], None)


def test_tasks_that_end_between_two_pages_are_neither_repeated_nor_in_the_way(state: State) -> None:
    fill(state)
    first = state.tasks.active(5)
    for task in (*first.items, TASKS[6]):
        state.tasks.replace(task, replace(task, status=a_final_task().status))
    second = state.tasks.active(5, first.next_cursor)
    assert [task.task_id for task in second.items] == ["t05", "t07", "t08", "t09", "t10"]
