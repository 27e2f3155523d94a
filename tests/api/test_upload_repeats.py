from __future__ import annotations

from chalicelib.wiring import Wired
from tests.api.forms import FORM, a_file, a_form, upload
from tests.api.gateway import Gateway
from tests.api.house import a_jpeg, finish


def test_the_same_bytes_again_answer_the_image_that_is_there(admin: Gateway, busy_house: Wired) -> None:
    first = upload(admin, a_file(a_jpeg())).json["file"]

    again = upload(admin, a_file(a_jpeg(), "other.jpg"), async_="true")

    assert (again.status, again.json["duplicate"], again.json["task_ids"]) == (200, True, [])
    assert again.json["file"] == {**first, "duplicate": True}


def test_a_copy_may_be_asked_for(admin: Gateway, busy_house: Wired) -> None:
    first = upload(admin, a_file(a_jpeg())).json["file"]

    again = upload(admin, a_file(a_jpeg()), on_duplicate="copy")

    assert again.status == 201
    assert (first["name"], again.json["file"]["name"]) == ("photo.jpg", "photo_1.jpg")


def test_a_duplicate_may_be_refused(admin: Gateway, busy_house: Wired) -> None:
    first = upload(admin, a_file(a_jpeg())).json["file"]

    again = upload(admin, a_file(a_jpeg()), on_duplicate="error")

    assert (again.status, again.json["code"]) == (409, "duplicate_image")
    assert again.json["details"]["image_id"] == first["image_id"]


def test_of_two_uploads_at_once_the_later_one_tells_of_the_earlier(admin: Gateway, house: Wired) -> None:
    first, second = (upload(admin, a_file(a_jpeg()), async_="true").json["task_ids"][0][1] for _ in range(2))
    finish(house, first)
    finish(house, second)

    one, other = (admin.get(f"/task/status/{task_id}").json["result"] for task_id in (first, second))

    assert (one["duplicate"], other["duplicate"]) == (False, True)
    assert one["image_id"] == other["image_id"]


def test_the_same_key_leads_to_the_same_task(admin: Gateway, house: Wired) -> None:
    first, again = (
        admin.post("/file_upload", a_form(a_file(a_jpeg()), async_="true"), Content_Type=FORM, Idempotency_Key="k1")
        for _ in range(2)
    )

    assert first.json == again.json


def test_the_same_key_with_other_bytes_is_refused(admin: Gateway, house: Wired) -> None:
    first, other = (
        admin.post("/file_upload", a_form(a_file(body), async_="1"), Content_Type=FORM, Idempotency_Key="k1")
        for body in (a_jpeg(seed=1), a_jpeg(seed=2))
    )

    assert (first.status, other.status, other.json["code"]) == (202, 409, "idempotency_key_reused")
