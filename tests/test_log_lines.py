"""The whole app over memory: each line of the log says which invocation it is of, and which task it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace

import pytest

import app as switchboard
from chalicelib.container import use
from chalicelib.tasks.model import Task
from chalicelib.tasks.worker import Redeliver
from tests.http.forms import a_file, upload
from tests.http.gateway import Gateway
from tests.http.memory_service import a_jpeg
from tests.listening import Line, listening
from tests.maintenance_world import MaintenanceWorld
from tests.trouble import unavailable
from tests.world import ROOT

CLOCK_EVENT: Line = {"source": "aws.events", "account": "1", "region": "", "resources": [], "version": "0", "id": "1"}
CLOCK_EVENT |= {"detail-type": "Scheduled Event", "detail": {}, "time": "2026-03-04T12:00:00Z"}


@pytest.fixture
def world() -> Iterator[MaintenanceWorld]:
    world = MaintenanceWorld()
    use(world.services)
    yield world
    use(None)


@pytest.fixture
def admin(world: MaintenanceWorld) -> Gateway:
    return Gateway(switchboard.app, authorization=ROOT)


@pytest.fixture
def lines() -> Iterator[Callable[[], list[Line]]]:
    with listening() as heard:
        yield heard


def context(function: str) -> SimpleNamespace:
    return SimpleNamespace(aws_request_id="run-1", function_name=f"wallify-dev-{function}")


def work_off(world: MaintenanceWorld, function: str) -> None:
    """Lambda gets the only message that there is."""
    message = world.queue.receive()
    assert message is not None
    record = world.record(message)
    event = {"body": record.body, "receiptHandle": record.receipt_handle, **record.to_dict()}
    getattr(switchboard, function)({"Records": [event]}, context(function))


def values(lines: list[Line], name: str) -> set[object]:
    return {line.get(name) for line in lines}


def test_lines_about_an_upload_name_the_request_and_the_task(
    world: MaintenanceWorld, admin: Gateway, lines: Callable[[], list[Line]]
) -> None:
    got = upload(admin, a_file(a_jpeg()), async_="true")
    task_id = got.json["task_ids"][0][1]
    assert values(lines(), "request_id") == {got.headers["X-Request-Id"]}
    assert values(lines(), "task_id") == {task_id}


def test_lines_of_its_worker_name_the_invocation_and_the_task(
    world: MaintenanceWorld, lines: Callable[[], list[Line]]
) -> None:
    task = world.upload()
    before = len(lines())
    work_off(world, "process_image")
    assert values(lines()[before:], "request_id") == {"run-1"}
    assert values(lines()[before:], "function") == {"process_image"}
    assert values(lines()[before:], "task_id") == {task.task_id}


def test_lines_of_a_failing_worker_do_too(world: MaintenanceWorld, lines: Callable[[], list[Line]]) -> None:
    task = world.upload()
    before = len(lines())
    world.bucket.trouble.at("before get", *unavailable())
    with pytest.raises(Redeliver):
        work_off(world, "process_image")
    assert values(lines()[before:], "task_id") == {task.task_id}


def test_lines_of_a_long_job_name_its_task(world: MaintenanceWorld, lines: Callable[[], list[Line]]) -> None:
    task = world.services.schedules.run("stats")
    before = len(lines())
    work_off(world, "maintenance")
    assert values(lines()[before:], "request_id") == {"run-1"}
    assert values(lines()[before:], "task_id") == {task.task_id}


def test_what_the_sweeper_does_to_a_task_is_told_with_its_id(
    world: MaintenanceWorld, lines: Callable[[], list[Line]]
) -> None:
    task = world.upload()
    world.queue.messages.clear()
    world.clock.move(timedelta(hours=1))
    before = len(lines())
    switchboard.sweep(CLOCK_EVENT, context("sweep"))
    assert values(lines()[before:], "request_id") == {"run-1"}
    assert _about(lines()[before:], task) == ["task looked after"]


@pytest.mark.parametrize("what", ["status", "cancel"])
def test_lines_of_a_request_about_a_task_name_it(
    world: MaintenanceWorld, admin: Gateway, lines: Callable[[], list[Line]], what: str
) -> None:
    task = world.upload()
    before = len(lines())
    admin.ask("POST" if what == "cancel" else "GET", f"/task/{what}/{task.task_id}")
    assert values(lines()[before:], "task_id") == {task.task_id}


def _about(lines: list[Line], task: Task) -> list[str]:
    return [line["message"] for line in lines if line.get("task_id") == task.task_id]
