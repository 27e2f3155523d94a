from __future__ import annotations

import json
from datetime import timedelta

import pytest

from chalicelib.container import Container
from chalicelib.tasks.model import Status
from tests.builders import FrozenClock
from tests.http.gateway import Gateway, Got
from tests.http.memory_service import a_jpeg, bucket_of, finish


def announce(client: Gateway, key: str | None = None, **body: object) -> Got:
    headers = {"Content_Type": "application/json"} | ({"Idempotency_Key": key} if key else {})
    return client.post("/uploads", json.dumps(body).encode(), **headers)


def test_a_draft_is_a_task_and_a_form(admin: Gateway, services: Container) -> None:
    got = announce(admin, filename="büyük.jpg", content_type="image/jpeg", collection="doğa")

    (ticket,) = got.json["uploads"]
    task = admin.get(f"/task/status/{got.json['task_id']}").json
    assert got.status == 201
    assert ticket["fields"]["key"] == f"incoming/doğa/{got.json['task_id']}/upload"
    assert (ticket["fields"]["limit"], ticket["fields"]["lasts"]) == ("50000000", "900.0")
    assert (task["status"], task["progress"]["stage"]) == ("PENDING", "waiting_for_upload")


def test_the_arriving_file_becomes_the_image(admin: Gateway, services: Container) -> None:
    got = announce(admin, filename="a.jpg", content_type="image/jpeg")
    bucket_of(services).drop(got.json["uploads"][0]["fields"]["key"], a_jpeg())

    finish(services, got.json["task_id"])

    assert admin.get(f"/task/status/{got.json['task_id']}").json["result"]["width"] == 640


def test_a_file_that_never_comes_ends_its_task(admin: Gateway, services: Container) -> None:
    got = announce(admin, filename="a.jpg", content_type="image/jpeg")
    assert isinstance(services.clock, FrozenClock)
    services.clock.move(timedelta(minutes=26))

    services.sweeper.sweep()

    task = services.tasks.get(got.json["task_id"])
    assert task.status is Status.FAILURE
    assert task.error is not None
    assert task.error.code == "upload_expired"


def test_a_batch_has_a_parent(admin: Gateway, services: Container) -> None:
    files = [{"filename": f"{number}.png", "content_type": "image/png", "bytes": 1000} for number in range(3)]

    got = announce(admin, files=files)

    assert services.tasks.get(got.json["task_id"]).children == 3
    assert [ticket["filename"] for ticket in got.json["uploads"]] == ["0.png", "1.png", "2.png"]
    assert {ticket["max_bytes"] for ticket in got.json["uploads"]} == {1000}


def test_a_repeated_request_finds_the_same_draft(admin: Gateway, services: Container) -> None:
    first = announce(admin, "k", filename="a.jpg", content_type="image/jpeg")
    assert isinstance(services.clock, FrozenClock)
    services.clock.move(timedelta(minutes=5))

    again = announce(admin, "k", filename="a.jpg", content_type="image/jpeg")

    assert again.json["task_id"] == first.json["task_id"]
    assert again.json["uploads"][0]["fields"]["lasts"] == "600.0"


def test_what_cannot_be_taken_is_refused_before_it_is_sent(admin: Gateway, services: Container) -> None:
    large = announce(admin, filename="a.jpg", content_type="image/jpeg", bytes=50_000_001)
    nothing = announce(admin, collection="x")

    assert (large.status, nothing.status) == (413, 400)


@pytest.mark.parametrize(
    "declared", ["image/jpg", "IMAGE/JPEG", "image/jpeg; charset=binary", "", None, "image/svg+xml"]
)
def test_any_declared_type_gets_a_form_for_that_type(admin: Gateway, services: Container, declared: str | None) -> None:
    one = announce(admin, filename="a.jpg", content_type=declared)
    many = announce(admin, files=[{"filename": "a.jpg", "content_type": declared}])
    bucket_of(services).drop(one.json["uploads"][0]["fields"]["key"], a_jpeg())

    finish(services, one.json["task_id"])

    kinds = {got.json["uploads"][0]["fields"]["Content-Type"] for got in (one, many)}
    assert kinds == {declared or "application/octet-stream"}
    assert services.tasks.get(one.json["task_id"]).status is Status.SUCCESS


def test_the_type_may_be_left_out(admin: Gateway, services: Container) -> None:
    assert announce(admin, filename="a.jpg").status == announce(admin, files=[{"filename": "a.jpg"}]).status == 201
