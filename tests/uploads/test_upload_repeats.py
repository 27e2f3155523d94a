from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.container import Container
from tests.http.forms import FORM, a_file, a_form, upload
from tests.http.gateway import Gateway
from tests.http.memory_service import a_jpeg, finish


def test_the_same_bytes_again_answer_the_image_that_is_there(admin: Gateway, working_services: Container) -> None:
    got = upload(admin, a_file(a_jpeg())).json
    first = got["file"]

    again = upload(admin, a_file(a_jpeg(), "other.jpg"), async_="true")

    assert (again.status, again.json["duplicate"], again.json["task_ids"]) == (200, True, got["task_ids"])
    assert again.json["file"] == {**first, "duplicate": True}


def test_a_copy_may_be_asked_for(admin: Gateway, working_services: Container) -> None:
    first = upload(admin, a_file(a_jpeg())).json["file"]

    again = upload(admin, a_file(a_jpeg()), on_duplicate="copy")

    assert again.status == 201
    assert (first["name"], again.json["file"]["name"]) == ("photo.jpg", "photo_1.jpg")


def test_a_duplicate_may_be_refused(admin: Gateway, working_services: Container) -> None:
    first = upload(admin, a_file(a_jpeg())).json["file"]

    again = upload(admin, a_file(a_jpeg()), on_duplicate="error")

    assert (again.status, again.json["code"]) == (409, "duplicate_image")
    assert again.json["details"]["image_id"] == first["image_id"]


def test_of_two_uploads_at_once_the_later_one_tells_of_the_earlier(admin: Gateway, services: Container) -> None:
    first, second = (upload(admin, a_file(a_jpeg()), async_="true").json["task_ids"][0][1] for _ in range(2))
    finish(services, first)
    finish(services, second)

    one, other = (admin.get(f"/task/status/{task_id}").json["result"] for task_id in (first, second))

    assert (one["duplicate"], other["duplicate"]) == (False, True)
    assert one["image_id"] == other["image_id"]


def test_the_same_key_leads_to_the_same_task(admin: Gateway, services: Container) -> None:
    first, again = (
        admin.post("/file_upload", a_form(a_file(a_jpeg()), async_="true"), Content_Type=FORM, Idempotency_Key="k1")
        for _ in range(2)
    )

    assert first.json == again.json


def test_a_key_is_remembered_also_where_the_image_was_there_already(
    admin: Gateway, working_services: Container
) -> None:
    upload(admin, a_file(a_jpeg(seed=1)))
    first, again, other = (
        admin.post("/file_upload", a_form(a_file(body), async_="1"), Content_Type=FORM, Idempotency_Key="k1")
        for body in (a_jpeg(seed=1), a_jpeg(seed=1), a_jpeg(seed=2))
    )

    ((_, task_id),) = first.json["task_ids"]
    assert (first.status, first.json["duplicate"], admin.get(f"/task/status/{task_id}").json["status"]) == (
        *(200, True),
        "SUCCESS",
    )
    assert (again.status, again.json) == (200, first.json)
    assert (other.status, other.json["code"]) == (409, "idempotency_key_reused")


def test_a_key_whose_image_was_deleted_since_still_leads_to_its_task(
    admin: Gateway, working_services: Container
) -> None:
    image_id = upload(admin, a_file(a_jpeg())).json["file"]["image_id"]
    form = a_form(a_file(a_jpeg()), async_="1")
    admin.post("/file_upload", form, Content_Type=FORM, Idempotency_Key="k1")
    admin.ask("DELETE", f"/images/{image_id}")

    again = admin.post("/file_upload", form, Content_Type=FORM, Idempotency_Key="k1")

    assert (again.status, again.json["file"]["status"]) == (202, "SUCCESS")


def test_the_same_key_with_other_bytes_is_refused(admin: Gateway, services: Container) -> None:
    first, other = (
        admin.post("/file_upload", a_form(a_file(body), async_="1"), Content_Type=FORM, Idempotency_Key="k1")
        for body in (a_jpeg(seed=1), a_jpeg(seed=2))
    )

    assert (first.status, other.status, other.json["code"]) == (202, 409, "idempotency_key_reused")


@pytest.mark.parametrize("mode", ["true", "false"])
def test_the_same_request_twice_names_a_task_that_answers_both_times(
    admin: Gateway, working_services: Container, mode: str
) -> None:
    first, again = (upload(admin, a_file(a_jpeg()), async_=mode) for _ in range(2))

    assert first.json["task_ids"] == again.json["task_ids"]
    ((kind, task_id),) = again.json["task_ids"]
    body = admin.get(f"/task/status/{task_id}").json
    assert (kind, body["status"], body["result"]["image_id"]) == (
        *("process_image", "SUCCESS"),
        again.json["file"]["image_id"],
    )


def test_where_the_history_has_forgotten_the_task_a_finished_one_is_named(
    admin: Gateway, working_services: Container
) -> None:
    upload(admin, a_file(a_jpeg()))
    working_services.clock.sleep(timedelta(days=31) / timedelta(seconds=1))
    working_services.state.tasks.delete_expired(working_services.clock.now(), 10)

    ((_, task_id),) = upload(admin, a_file(a_jpeg())).json["task_ids"]

    body = admin.get(f"/task/status/{task_id}").json
    assert (body["status"], body["result"]["duplicate"]) == ("SUCCESS", True)
