from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.container import Container
from chalicelib.tasks.model import Status, Subject, TaskType
from tests.builders import NOON, a_final_task, a_task
from tests.http.gateway import Gateway

ID = "11111111-1111-4111-8111-11111111111{}"
ONE, TWO, THREE = ID.format(1), ID.format(2), ID.format(3)


def test_active_tasks_come_in_the_lists_that_celery_knows(admin: Gateway, services: Container) -> None:
    for task_id, status in ((ONE, Status.STARTED), (TWO, Status.PENDING), (THREE, Status.RETRY)):
        services.state.tasks.add(a_task(task_id, status=status))
    services.state.tasks.add(a_final_task(ID.format(4)))

    got = admin.get("/tasks/active").json

    lists = {name: [task["task_id"] for task in got[name]] for name in ("active", "reserved", "scheduled")}
    assert lists == {"active": [ONE], "reserved": [TWO], "scheduled": [THREE]}
    assert (got["total"], got["next_cursor"]) == (3, None)


def test_the_total_counts_beyond_the_page(admin: Gateway, services: Container) -> None:
    for number in range(5):
        services.state.tasks.add(a_task(ID.format(number), created_at=NOON + timedelta(seconds=number)))

    first = admin.get("/tasks/active?limit=2").json
    second = admin.get(f"/tasks/active?limit=2&cursor={first['next_cursor']}").json

    assert ([len(page["reserved"]) for page in (first, second)], first["total"]) == ([2, 2], 5)
    assert first["reserved"][1]["task_id"] < second["reserved"][0]["task_id"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [THREE, TWO, ONE]),
        ("state=SUCCESS", [TWO]),
        ("type=optimize_images", [THREE]),
        ("collection=nature", [TWO, ONE]),
        (f"parent={ONE}", [TWO]),
        ("since=2026-03-04T12:00:01Z", [THREE, TWO]),
        ("until=2026-03-04T15:00:01%2B03:00", [ONE]),
        ("text=G%C3%9CNAYDIN", [TWO, ONE]),
        ("text=g%C3%BCnayd", [TWO, ONE]),
        ("text=%20g%C3%BCnayd%20", [TWO, ONE]),
        ("state=success", [TWO]),
        ("type=%20Optimize_Images", [THREE]),
        ("text=null", []),
        ("limit=1", [THREE]),
    ],
)
def test_history_is_found_by_what_it_is(admin: Gateway, services: Container, query: str, found: list[str]) -> None:
    services.state.tasks.add(a_task(ONE))
    services.state.tasks.add(a_final_task(TWO, parent_id=ONE, created_at=NOON + timedelta(seconds=1)))
    other = {"type": TaskType.OPTIMIZE_IMAGES, "subject": Subject(), "created_at": NOON + timedelta(seconds=2)}
    services.state.tasks.add(a_task(THREE, **other))

    got = admin.get(f"/tasks?{query}")

    assert [task["task_id"] for task in got.json["tasks"]] == found


@pytest.mark.parametrize(
    "query",
    [
        "state=DONE",
        "type=nap",
        "parent=x",
        "since=yesterday",
        "since=2026-03-04T12:00:00",
        "limit=0",
        "limit=201",
        "until=null",
        "text=%20",
        "state=",
        "unknown=1",
        "limit=1&limit=2",
    ],
)
def test_a_filter_that_means_nothing_is_refused(admin: Gateway, services: Container, query: str) -> None:
    assert admin.get(f"/tasks?{query}").status == 400


@pytest.mark.parametrize("path", ["/tasks", "/tasks/active"])
def test_a_cursor_of_somebody_else_is_refused(admin: Gateway, services: Container, path: str) -> None:
    assert admin.get(f"{path}?cursor=bm9uc2Vuc2U").status == 400
