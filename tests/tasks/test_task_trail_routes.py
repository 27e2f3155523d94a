"""What a task tells of its way: the steps to everybody, the place of an error in the code to administrators."""

from __future__ import annotations

import pytest
from chalice.app import Chalice

from chalicelib.admin.scopes import Scope
from chalicelib.container import Container
from chalicelib.tasks.model import Failure, Task
from chalicelib.tasks.worker import Redeliver
from chalicelib.uploads.service import Upload
from tests.http.gateway import Gateway
from tests.http.memory_service import a_jpeg, a_token, finish

TRACE = 'Traceback\n  File "engine.py", line 7\nKeyError: 1\n'


class Clumsy:
    """A job with a bug in it."""

    def do(self, task: Task) -> Task:
        raise KeyError(task.task_id)

    def undo(self, task: Task) -> None:
        """Nothing was done."""

    def discard(self, task: Task) -> None:
        """Nothing was left."""


@pytest.fixture
def task(services: Container) -> Task:
    accepted = services.uploads.accept(Upload("nature", "a.jpg", a_jpeg()))
    assert accepted.task is not None
    return accepted.task


def status_of(client: Gateway, task: Task) -> dict[str, object]:
    answer: dict[str, object] = client.get(f"/task/status/{task.task_id}").json
    return answer


def test_a_finished_task_tells_its_steps_in_order(admin: Gateway, services: Container, task: Task) -> None:
    finish(services, task.task_id)

    progress = status_of(admin, task)["progress"]

    assert isinstance(progress, dict)
    stages, moments = zip(*((step["stage"], step["at"]) for step in progress["steps"]), strict=True)
    assert stages == ("processing",)
    assert list(moments) == sorted(moments)


def test_a_bug_tells_administrators_where_it_is(admin: Gateway, services: Container, task: Task) -> None:
    with pytest.raises(Redeliver):
        services.worker.run(task.task_id, Clumsy())

    error = status_of(admin, task)["error"]

    assert isinstance(error, dict)
    assert (error["code"], error["message"]) == ("internal_error", "An internal error occurred in Wallify.")
    assert error["trace"].startswith("Traceback")
    assert f"KeyError: '{task.task_id}'" in error["trace"]


@pytest.mark.parametrize("scope", [Scope.TASKS, Scope.READ, Scope.UPLOAD])
def test_nobody_else_learns_of_the_code(app: Chalice, services: Container, task: Task, scope: Scope) -> None:
    failure = Failure("internal_error", "An internal error occurred in Wallify.", trace=TRACE)
    services.state.tasks.replace(task, task.failed(failure, now=services.clock.now(), keep=services.policy.keep))

    got = Gateway(app, authorization=a_token(services, scope)).get(f"/task/status/{task.task_id}")

    assert got.json["error"]["trace"] is None
    assert "engine.py" not in got.text


def test_what_the_client_has_to_mend_has_no_trace(admin: Gateway, services: Container) -> None:
    accepted = services.uploads.accept(Upload("nature", "cut.jpg", a_jpeg()[:4_000]))
    assert accepted.task is not None
    finish(services, accepted.task.task_id)

    error = status_of(admin, accepted.task)["error"]

    assert isinstance(error, dict)
    assert (error["code"], error["trace"]) == ("image_damaged", None)
