from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.ports import TaskStore
from chalicelib.tasks.model import Failure, Status, Subject, Task, TaskFilter, TaskType
from tests.builders import NOON, a_final_task, a_task

HOUR = timedelta(hours=1)
ALL = TaskFilter()


def walked(tasks: TaskStore, wanted: TaskFilter, limit: int = 100) -> list[Task]:
    """All pages of a look into the history."""
    page = tasks.history(wanted, limit)
    found = list(page.items)
    while page.next_cursor is not None:
        page = tasks.history(wanted, limit, page.next_cursor)
        found += page.items
    return found


def ids(tasks: TaskStore, wanted: TaskFilter) -> list[str]:
    return [task.task_id for task in walked(tasks, wanted)]


def test_history_is_newest_first_final_or_not(tasks: TaskStore) -> None:
    tasks.add(a_task("t1", created_at=NOON))
    tasks.add(a_final_task("t2", created_at=NOON + HOUR))
    tasks.add(a_task("t3", created_at=NOON - HOUR))
    assert ids(tasks, ALL) == ["t2", "t1", "t3"]


def test_history_of_one_moment_is_by_id_the_greatest_first(tasks: TaskStore) -> None:
    for number in (2, 3, 1):
        tasks.add(a_task(f"t{number}"))
    assert ids(tasks, ALL) == ["t3", "t2", "t1"]


def test_history_shows_tasks_as_they_are_now(tasks: TaskStore) -> None:
    tasks.add(a_task())
    now = tasks.replace(a_task(), a_final_task(result={"ok": True}))
    assert walked(tasks, ALL) == [now]


def test_history_reaches_back_over_weeks_and_years(tasks: TaskStore) -> None:
    days = (0, 1, 6, 7, 8, 30, 63, 89)
    for age in days:
        tasks.add(a_task(f"d{age}", created_at=NOON - timedelta(days=age)))
    assert ids(tasks, ALL) == [f"d{age}" for age in days]


FILTERS = {
    "status": TaskFilter(status=Status.FAILURE),
    "type": TaskFilter(type=TaskType.OPTIMIZE_IMAGES),
    "collection": TaskFilter(collection="cities"),
    "parent": TaskFilter(parent_id="p1"),
    "since": TaskFilter(since=NOON),
    "until": TaskFilter(until=NOON),
    "a while": TaskFilter(since=NOON - HOUR, until=NOON + HOUR),
    "no time at all": TaskFilter(since=NOON + HOUR, until=NOON - HOUR),
    "one moment is no while": TaskFilter(since=NOON, until=NOON),
    "text in file name": TaskFilter(text="AYDIN"),
    "text in Turkish": TaskFilter(text="GÜNAYDıN"),  # noqa: RUF001
    "text in collection": TaskFilter(text="citi"),
    "text in id": TaskFilter(text="T4"),
    "text in error": TaskFilter(text="cut off"),
    "text with signs that databases know": TaskFilter(text="100%_"),
    "text that is nowhere": TaskFilter(text="zzz"),
    "empty text": TaskFilter(text=""),
    "several": TaskFilter(status=Status.FAILURE, collection="cities", since=NOON - HOUR, text="cut"),
    "two fields that no task has": TaskFilter(status=Status.REVOKED, type=TaskType.OPTIMIZE_IMAGES),
}
TASKS = (
    a_task("t1", created_at=NOON - 2 * HOUR),
    a_task("t2", created_at=NOON - HOUR, type=TaskType.OPTIMIZE_IMAGES, subject=Subject()),
    a_final_task("t3", parent_id="p1", index=0),
    a_final_task(
        "t4",
        status=Status.FAILURE,
        subject=Subject(collection="cities", filename="100%_pure.png", image_id="i9"),
        error=Failure("image_damaged", "The image is cut off."),
    ),
    a_task("t5", created_at=NOON + HOUR, status=Status.STARTED, subject=Subject(collection="cities")),
    a_final_task("t6", created_at=NOON + 2 * HOUR, status=Status.FAILURE, error=Failure("x", "Cut Off")),
)


@pytest.mark.parametrize("wanted", FILTERS.values(), ids=FILTERS)
def test_history_finds_what_the_filter_means(tasks: TaskStore, wanted: TaskFilter) -> None:
    for task in TASKS:
        tasks.add(task)
    meant = sorted((t for t in TASKS if wanted.matches(t)), key=lambda t: (t.created_at, t.task_id), reverse=True)
    assert walked(tasks, wanted) == meant


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_filtered_pages_hold_together(tasks: TaskStore, limit: int) -> None:
    for number in range(12):
        status = Status.FAILURE if number % 3 == 0 else Status.SUCCESS
        tasks.add(a_final_task(f"t{number:02}", created_at=NOON + number * HOUR, status=status))
    found = walked(tasks, TaskFilter(status=Status.FAILURE), limit)
    assert [task.task_id for task in found] == ["t09", "t06", "t03", "t00"]


def test_a_page_is_never_longer_than_asked_for(tasks: TaskStore) -> None:
    for number in range(5):
        tasks.add(a_task(f"t{number}"))
    assert len(tasks.history(ALL, 3).items) == 3


def test_a_cursor_stays_good_while_newer_tasks_arrive(tasks: TaskStore) -> None:
    for number in range(4):
        tasks.add(a_task(f"t{number}", created_at=NOON + number * HOUR))
    first = tasks.history(ALL, 2)
    tasks.add(a_task("new", created_at=NOON + 9 * HOUR))
    second = tasks.history(ALL, 2, first.next_cursor)
    assert [task.task_id for task in first.items + second.items] == ["t3", "t2", "t1", "t0"]
