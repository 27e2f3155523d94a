"""A request waits for its work: from the gateway's start of it, never into a 504, and never in the workers' room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from msgspec import structs

from chalicelib.container import Container
from chalicelib.errors import Unavailable
from chalicelib.tasks.model import Status, Task, TaskType
from tests.builders import NOON, FrozenClock, a_task
from tests.http.forms import FORM, a_file, a_form, a_part, upload
from tests.http.gateway import Gateway, Got
from tests.http.memory_service import a_jpeg
from tests.memory_queue import MemoryQueue

ONE = "11111111-1111-4111-8111-111111111111"
SECOND = timedelta(seconds=1)
OF_THE_GATEWAY = 29 * SECOND

Ask = Callable[[Gateway], Got]


def one_file(client: Gateway) -> Got:
    return upload(client, a_file(a_jpeg()), async_="false")


def two_files(client: Gateway) -> Got:
    files = (a_part(f'form-data; name="files[]"; filename="{seed}.jpg"', a_jpeg(seed=seed)) for seed in (1, 2))
    return client.post("/bulk_upload", a_form(*files, async_="false"), Content_Type=FORM)


def long_poll(client: Gateway) -> Got:
    return client.get(f"/task/status/{ONE}?wait=20")


ASKING = {"one file": (one_file, 22), "two files": (two_files, 22), "a long poll": (long_poll, 20)}
every_way = pytest.mark.parametrize(("ask", "seconds"), ASKING.values(), ids=ASKING)


@pytest.fixture(autouse=True)
def task(services: Container) -> Task:
    """A task that waits for a worker."""
    services.state.tasks.add(a_task(ONE))
    return a_task(ONE)


def fill(services: Container, messages: int) -> MemoryQueue:
    """So many messages wait for a worker."""
    queue = services.queues[TaskType.PROCESS_IMAGE]
    assert isinstance(queue, MemoryQueue)
    for _ in range(messages):
        queue.send("{}")
    return queue


@every_way
@pytest.mark.parametrize("late", [0, 1, 10, 19, 25, 28, 60, 3600])
def test_the_time_until_the_function_began_is_part_of_the_wait(
    admin: Gateway, services: Container, ask: Ask, seconds: int, late: int
) -> None:
    admin.began = NOON - late * SECOND

    got = ask(admin)

    assert got.status == (200 if ask is long_poll else 202)
    assert services.clock.now() == max(NOON, admin.began + seconds * SECOND)
    if late < 29:
        assert services.clock.now() - admin.began < OF_THE_GATEWAY


@every_way
@pytest.mark.parametrize("began", [None, NOON + 300 * SECOND], ids=["unknown", "ahead of our clock"])
def test_a_start_that_cannot_be_is_now(
    admin: Gateway, services: Container, ask: Ask, seconds: int, began: datetime | None
) -> None:
    admin.began = began

    ask(admin)

    assert services.clock.now() == NOON + seconds * SECOND


@pytest.mark.parametrize("ask", [one_file, two_files])
def test_who_waited_in_vain_gets_the_task_and_the_reason(admin: Gateway, ask: Ask) -> None:
    admin.began = NOON - 21 * SECOND

    got = ask(admin)

    assert (got.status, got.headers["Retry-After"]) == (202, "1")
    assert "not finished within 22 seconds" in got.json["reason"]
    assert got.json["async_processing"] is True


@pytest.mark.parametrize(("ask", "own"), [(one_file, 0), (two_files, 2)])
def test_nobody_waits_where_more_work_waits_than_workers_can_take(
    admin: Gateway, services: Container, ask: Ask, own: int
) -> None:
    fill(services, services.settings.concurrency + own + 1)

    got = ask(admin)

    assert (got.status, got.headers["Retry-After"]) == (202, "5")
    assert got.json["reason"] == "More work waits than there are workers for it; ask the task."
    assert services.clock.now() == NOON


def test_a_long_poll_is_answered_at_once_where_the_queue_is_behind(admin: Gateway, services: Container) -> None:
    fill(services, services.settings.concurrency + 1)

    got = long_poll(admin)

    assert (got.status, got.json["status"], got.headers["Retry-After"]) == (200, "PENDING", "5")
    assert services.clock.now() == NOON


@every_way
def test_a_queue_that_the_workers_keep_up_with_is_waited_for(
    admin: Gateway, services: Container, ask: Ask, seconds: int
) -> None:
    fill(services, services.settings.concurrency)

    ask(admin)

    assert services.clock.now() == NOON + seconds * SECOND


def test_what_a_worker_has_begun_is_waited_for_however_much_else_waits(admin: Gateway, services: Container) -> None:
    fill(services, 1_000)
    task = services.tasks.get(ONE)
    services.state.tasks.replace(task, task.claimed(owner="w", now=NOON, lease=60 * SECOND))

    got = long_poll(admin)

    assert got.json["status"] == "STARTED"
    assert services.clock.now() == NOON + 20 * SECOND


def test_work_of_another_queue_takes_no_room_from_this_one(services: Container) -> None:
    waiting = replace(services.task_waiter, backlog={"images": 100, "thumbnails": 0}.__getitem__)

    assert waiting.is_crowded(a_task(ONE))
    assert not waiting.is_crowded(a_task(ONE, type=TaskType.GENERATE_THUMBNAILS))


class FillingClock(FrozenClock):
    """While one waits, others send work."""

    def __init__(self, services: Container, at: datetime) -> None:
        super().__init__()
        self._services, self._at = services, at

    def sleep(self, seconds: float) -> None:
        before = self.now()
        super().sleep(seconds)
        if before < self._at <= self.now():
            fill(self._services, 100)


def test_a_wait_ends_soon_after_the_queue_falls_behind(admin: Gateway, services: Container) -> None:
    services.clock = FillingClock(services, NOON + 6 * SECOND)

    got = long_poll(admin)

    assert got.headers["Retry-After"] == "5"
    assert NOON + 6 * SECOND <= services.clock.now() <= NOON + 9 * SECOND


def test_as_many_requests_wait_as_there_are_workers_however_many_come(services: Container) -> None:
    """Each of these has sent a message and would wait for it; no worker gets any room to take one."""
    waiting, task = services.task_waiter, a_task(ONE)
    admitted = 0
    for _ in range(200):
        fill(services, 1)
        admitted += not waiting.is_crowded(task)

    assert admitted == services.settings.concurrency


@pytest.mark.parametrize("ask", [one_file, two_files, long_poll])
def test_no_request_waits_where_waiting_is_off(admin: Gateway, services: Container, ask: Ask) -> None:
    services.settings = structs.replace(services.settings, sync_wait_seconds=0)

    got = ask(admin)

    assert services.clock.now() == NOON
    assert got.status == (200 if ask is long_poll else 202)
    assert ask is long_poll or "WALLIFY_SYNC_WAIT_SECONDS is 0" in got.json["reason"]


class Silent:
    """A queue that does not answer."""

    def backlog(self) -> int:
        raise Unavailable


def test_a_queue_that_does_not_answer_is_not_waited_for(admin: Gateway, services: Container) -> None:
    services.queue_admins = {"images": Silent()}  # type: ignore[dict-item]  # only the one verb is asked

    got = one_file(admin)

    assert (got.status, services.clock.now()) == (202, NOON)


@pytest.mark.parametrize("ask", [one_file, two_files])
def test_an_accepted_upload_stays_accepted_where_its_task_cannot_be_looked_at(
    admin: Gateway, services: Container, ask: Ask
) -> None:
    services.task_waiter = replace(services.task_waiter, tasks=SilentTasks())  # type: ignore[arg-type]  # only one verb is asked

    got = ask(admin)

    assert got.status == 202
    assert got.json["reason"] == "The task cannot be looked at right now; ask it later."
    assert services.tasks.get(got.json["task_ids"][0][1]).status is not Status.FAILURE


class SilentTasks:
    """A state store that does not answer."""

    def wait(self, *_: object, **__: object) -> Task:
        raise Unavailable
