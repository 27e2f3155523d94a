from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.container import Container
from chalicelib.tasks.model import Failure, Status
from tests.builders import NOON, FrozenClock, a_final_task, a_task
from tests.http.gateway import Gateway

ID = "11111111-1111-4111-8111-11111111111{}"
ONE, TWO, THREE = ID.format(1), ID.format(2), ID.format(3)


def test_a_waiting_task_says_all_that_is_known(admin: Gateway, services: Container) -> None:
    services.state.tasks.add(a_task(ONE, queued_at=NOON))

    got = admin.get(f"/task/status/{ONE}")

    assert (got.status, got.headers["Retry-After"]) == (200, "1")
    assert got.json == {
        "task_id": ONE,
        "type": "process_image",
        "status": "PENDING",
        "ready": False,
        "successful": False,
        "progress": {"current": 0, "total": 0, "percent": 0, "stage": "queued", "steps": []},
        "result": None,
        "error": None,
        "attempts": 0,
        "max_attempts": 5,
        "created_at": "2026-03-04T12:00:00.000Z",
        "queued_at": "2026-03-04T12:00:00.000Z",
        "started_at": None,
        "finished_at": None,
        "queue_wait_ms": None,
        "runtime_ms": None,
        "parent_id": None,
        "children": 0,
        "subject": {"image_id": None, "collection": "nature", "filename": "günaydın.jpg"},  # noqa: RUF001  # Turkish
        "cancel_requested": False,
        "warnings": [],
        "links": {"self": f"/task/status/{ONE}", "cancel": f"/task/cancel/{ONE}"},
    }


def test_a_failed_task_says_why_and_how_long_it_took(admin: Gateway, services: Container) -> None:
    error = Failure("image_damaged", "The image is damaged or cut off.")
    started = {"queued_at": NOON, "started_at": NOON + timedelta(seconds=0.25)}
    services.state.tasks.add(a_final_task(ONE, status=Status.FAILURE, error=error, attempts=1, **started))

    got = admin.get(f"/task/status/{ONE}", Accept_Language="tr")

    assert "Retry-After" not in got.headers
    assert (got.json["ready"], got.json["successful"]) == (True, False)
    assert got.json["error"] == {
        "code": "image_damaged",
        "message": "Resim bozuk ya da yarım.",  # noqa: RUF001  # Turkish, on purpose
        "retryable": False,
        "details": {},
        "trace": None,
        "cause": None,
    }
    assert (got.json["queue_wait_ms"], got.json["runtime_ms"]) == (250, 750)


def test_an_unchanged_task_is_not_sent_again(admin: Gateway, services: Container) -> None:
    services.state.tasks.add(a_task(ONE))
    first = admin.get(f"/task/status/{ONE}")

    again = admin.get(f"/task/status/{ONE}", If_None_Match=f'W/{first.headers["ETag"]}, "other"')

    assert (again.status, again.text, again.headers["ETag"]) == (304, "", first.headers["ETag"])
    assert again.headers["Retry-After"] == "1"


def test_a_changed_task_has_another_tag(admin: Gateway, services: Container) -> None:
    services.state.tasks.add(a_task(ONE))
    first = admin.get(f"/task/status/{ONE}")
    services.tasks.cancel(ONE)

    again = admin.get(f"/task/status/{ONE}", If_None_Match=first.headers["ETag"])

    assert (again.status, again.json["status"]) == (200, "REVOKED")


def test_a_long_poll_ends_with_its_patience(admin: Gateway, services: Container) -> None:
    services.state.tasks.add(a_task(ONE))

    got = admin.get(f"/task/status/{ONE}?wait=20")

    assert got.json["status"] == "PENDING"
    assert services.clock.now() == NOON + timedelta(seconds=20)


def test_a_long_poll_ends_when_the_task_does(admin: Gateway, services: Container) -> None:
    services.state.tasks.add(a_task(ONE))
    services.clock = CancellingClock(services)

    got = admin.get(f"/task/status/{ONE}?wait=20")

    assert got.json["status"] == "REVOKED"
    assert services.clock.now() < NOON + timedelta(seconds=1)


class CancellingClock(FrozenClock):
    """While one waits, somebody cancels."""

    def __init__(self, services: Container) -> None:
        super().__init__()
        self._services = services

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._services.tasks.cancel(ONE)


@pytest.mark.parametrize("wait", ["0", "21", "-1", "soon", "1.5", "", "null"])
def test_another_patience_is_refused(admin: Gateway, services: Container, wait: str) -> None:
    got = admin.get(f"/task/status/{ONE}?wait={wait}")

    assert (got.status, got.json["details"]["parameter"]) == (400, "wait")


def test_an_unknown_id_is_not_found(admin: Gateway) -> None:
    got = admin.get(f"/task/status/{ONE}")

    assert (got.status, got.json["code"]) == (404, "task_not_found")


@pytest.mark.parametrize("task_id", ["x", ONE.upper().replace("1", "A"), f"{ONE}1", f"{ONE}%0A", "%20", "..%2f.."])
@pytest.mark.parametrize(("method", "path"), [("GET", "/task/status/"), ("POST", "/task/cancel/")])
def test_a_malformed_id_is_a_bad_request(admin: Gateway, method: str, path: str, task_id: str) -> None:
    assert admin.ask(method, path + task_id).status == 400


def test_a_waiting_task_is_revoked_at_once(admin: Gateway, services: Container) -> None:
    services.state.tasks.add(a_task(ONE))

    first, again = admin.post(f"/task/cancel/{ONE}"), admin.post(f"/task/cancel/{ONE}")

    assert (first.status, first.json["status"], again.status) == (200, "REVOKED", 200)


def test_a_running_task_is_asked_to_stop(admin: Gateway, services: Container) -> None:
    services.state.tasks.add(a_task(ONE, status=Status.STARTED))

    got = admin.post(f"/task/cancel/{ONE}")

    assert (got.status, got.json["status"], got.json["cancel_requested"]) == (202, "STARTED", True)
    assert got.headers["Location"] == f"/task/status/{ONE}"


def test_asking_a_running_task_to_stop_twice_is_no_error(admin: Gateway, services: Container) -> None:
    services.state.tasks.add(a_task(ONE, status=Status.STARTED))

    first, again = admin.post(f"/task/cancel/{ONE}"), admin.post(f"/task/cancel/{ONE}")

    assert (first.status, again.status, again.json) == (202, 200, first.json)


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.FAILURE, Status.PARTIAL])
def test_a_task_that_has_ended_cannot_be_cancelled(admin: Gateway, services: Container, status: Status) -> None:
    services.state.tasks.add(a_final_task(ONE, status=status))

    got = admin.post(f"/task/cancel/{ONE}")

    assert (got.status, got.json["code"], got.json["details"]["status"]) == (409, "illegal_transition", status)
