from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.adapters.records import encode_cursor
from chalicelib.errors import BadRequest
from chalicelib.ports import TaskStore
from chalicelib.tasks.model import Status, Task
from tests.builders import NOON, a_final_task, a_task


def test_active_tasks_come_oldest_first(tasks: TaskStore) -> None:
    for number in (3, 1, 2):
        tasks.add(a_task(f"t{number}", created_at=NOON + timedelta(microseconds=number)))
    assert _ids(tasks.active(10).items) == ["t1", "t2", "t3"]


def test_active_tasks_of_one_moment_come_by_id(tasks: TaskStore) -> None:
    for number in (3, 1, 2):
        tasks.add(a_task(f"t{number}"))
    assert _ids(tasks.active(10).items) == ["t1", "t2", "t3"]


@pytest.mark.parametrize("status", [status for status in Status if status.is_final])
def test_a_final_task_is_not_active(tasks: TaskStore, status: Status) -> None:
    tasks.add(a_final_task("t1", status=status))
    tasks.add(a_task("t2"))
    tasks.replace(a_task("t2"), a_final_task("t2", status=status))
    assert tasks.active(10).items == ()


@pytest.mark.parametrize("status", [status for status in Status if not status.is_final])
def test_a_task_that_is_not_final_is_active_as_it_is_now(tasks: TaskStore, status: Status) -> None:
    tasks.add(a_task())
    now = tasks.replace(a_task(), a_task(status=status, owner="me"))
    assert tasks.active(10).items == (now,)


def test_children_come_in_the_order_of_their_index(tasks: TaskStore) -> None:
    for index in (10, 2, 0, 1):
        tasks.add(a_task(f"t{index}", parent_id="p1", index=index, created_at=NOON - timedelta(seconds=index)))
    tasks.add(a_task("other", parent_id="p2", index=0))
    assert _ids(tasks.children("p1", 10).items) == ["t0", "t1", "t2", "t10"]


def test_children_stay_listed_when_they_are_final(tasks: TaskStore) -> None:
    tasks.add(a_final_task(parent_id="p1", index=0))
    assert _ids(tasks.children("p1", 10).items) == ["t1"]


def test_a_full_list_has_no_next_cursor(tasks: TaskStore) -> None:
    tasks.add(a_task("t1", parent_id="p1", index=0))
    tasks.add(a_task("t2", parent_id="p1", index=1))
    assert (tasks.active(2).next_cursor, tasks.children("p1", 2).next_cursor) == (None, None)


def test_an_empty_store_has_empty_lists(tasks: TaskStore) -> None:
    assert (tasks.active(5).items, tasks.children("p1", 5).items) == ((), ())


@pytest.mark.parametrize(
    "cursor",
    ["nonsense", "", "%%%", "a" * 500, "gün", "bm90IGEgcGxhY2U", encode_cursor("2026-02-30T12:00:00.000000Z#t1")],
)
def test_a_cursor_that_is_not_ours_is_a_bad_request(tasks: TaskStore, cursor: str) -> None:
    with pytest.raises(BadRequest):
        tasks.active(5, cursor)


def test_a_cursor_of_another_list_is_a_bad_request(tasks: TaskStore) -> None:
    for number in (1, 2):
        tasks.add(a_task(f"t{number}", parent_id="p1", index=number))
    with pytest.raises(BadRequest):
        tasks.active(1, tasks.children("p1", 1).next_cursor)
    with pytest.raises(BadRequest):
        tasks.children("p1", 1, tasks.active(1).next_cursor)


def _ids(tasks: tuple[Task, ...]) -> list[str]:
    return [task.task_id for task in tasks]
