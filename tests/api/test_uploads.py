from __future__ import annotations

import json

import pytest
from chalice.app import Chalice
from chalice.test import Client

from chalicelib.core.tasks import Status
from chalicelib.wiring import Wired
from tests.api.forms import FORM, a_file, a_form, a_part
from tests.api.gateway import Gateway, Got, answered
from tests.api.house import BOOTSTRAP, a_jpeg, bucket_of, finish


def upload(client: Gateway, *parts: bytes, **fields: str) -> Got:
    return client.post("/file_upload", a_form(*parts, **fields), Content_Type=FORM)


def test_an_asynchronous_upload_is_accepted_with_a_task(admin: Gateway, house: Wired) -> None:
    got = upload(admin, a_file(a_jpeg()), async_="true", collection="doğa")

    file = got.json["file"]
    assert got.status == 202
    assert got.headers["Location"] == f"/task/status/{file['task_id']}"
    assert got.headers["Retry-After"] == "1"
    assert got.json["task_ids"] == [["process_image", file["task_id"]]]
    assert (got.json["success"], got.json["async_processing"], got.json["warnings"]) == (True, True, [])
    assert (file["filename"], file["collection"], file["bytes"]) == ("photo.jpg", "doğa", len(a_jpeg()))
    assert house.tasks.get(file["task_id"]).status is Status.PENDING


def test_a_synchronous_upload_answers_the_finished_image(admin: Gateway, busy_house: Wired) -> None:
    got = upload(admin, a_file(a_jpeg()))

    file = got.json["file"]
    assert got.status == 201
    assert got.headers["Location"] == f"/images/{file['image_id']}"
    assert (got.json["async_processing"], got.json["duplicate"]) == (False, False)
    assert [one["size"] for one in file["thumbnails"]] == [150, 300, 600]
    assert (file["width"], file["height"], file["format"]) == (640, 480, "jpeg")
    assert "exif" not in file


def test_both_ways_end_in_the_same_record(admin: Gateway, busy_house: Wired) -> None:
    waited = upload(admin, a_file(a_jpeg(seed=1))).json
    accepted = upload(admin, a_file(a_jpeg(seed=2)), async_="true").json

    result = admin.get(f"/task/status/{accepted['task_ids'][0][1]}").json["result"]

    assert result.keys() == waited["file"].keys()
    assert result["thumbnails"][0].keys() == waited["file"]["thumbnails"][0].keys()


def test_an_upload_that_takes_too_long_is_answered_with_its_task(admin: Gateway, house: Wired) -> None:
    got = upload(admin, a_file(a_jpeg()))

    assert got.status == 202
    assert got.headers["Location"] == f"/task/status/{got.json['file']['task_id']}"
    assert "22 seconds" in got.json["reason"]


def cancel(house: Wired, task_id: str) -> None:
    house.tasks.cancel(task_id)


@pytest.mark.parametrize("word", ["true", "TRUE", "1", "yes", "On"])
def test_words_for_asynchronous(admin: Gateway, busy_house: Wired, word: str) -> None:
    assert upload(admin, a_file(a_jpeg()), async_=word).status == 202


@pytest.mark.parametrize("word", ["false", "False", "0", "no", "OFF"])
def test_words_for_synchronous(admin: Gateway, busy_house: Wired, word: str) -> None:
    assert upload(admin, a_file(a_jpeg()), async_=word).status == 201


@pytest.mark.parametrize("word", ["maybe", "", "2", "evet", "true\n", "ｔｒｕｅ"])  # noqa: RUF001  # wide letters
def test_other_words_are_refused(admin: Gateway, house: Wired, word: str) -> None:
    got = upload(admin, a_file(a_jpeg()), async_=word)

    assert (got.status, got.json["details"]["parameter"]) == (400, "async")


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


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "empty_file"),
        (b"Dear diary, this is a text.", 422, "not_an_image"),
        (b"%PDF-1.7 and so on", 415, "unsupported_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_type"),
        (a_jpeg()[: len(a_jpeg()) // 2], 422, "image_damaged"),
    ],
    ids=["empty", "text", "pdf", "svg", "half"],
)
def test_what_is_no_whole_picture_is_refused(
    admin: Gateway, busy_house: Wired, body: bytes, status: int, code: str
) -> None:
    got = upload(admin, a_file(body))

    assert (got.status, got.json["code"], got.json["success"]) == (status, code, False)


def test_a_failure_of_the_pipeline_names_its_task(admin: Gateway, busy_house: Wired) -> None:
    got = upload(admin, a_file(a_jpeg()[:5_000]))

    assert busy_house.tasks.get(got.json["details"]["task_id"]).status is Status.FAILURE


def test_a_cancelled_upload_says_so(admin: Gateway, house: Wired) -> None:
    bucket_of(house).announce = lambda key: cancel(house, key.split("/")[2])

    got = upload(admin, a_file(a_jpeg()))

    assert (got.status, got.json["details"]["status"]) == (409, "REVOKED")


def test_a_large_body_is_refused_with_a_hint(admin: Gateway, house: Wired) -> None:
    got = upload(admin, a_file(b"\xff\xd8\xff" + bytes(4_600_000)))

    assert (got.status, got.json["code"]) == (413, "payload_too_large")
    assert got.json["details"]["limit"] == 4_500_000
    assert got.json["details"]["use"] == "POST /uploads"


def test_a_large_body_is_refused_by_its_announced_length(admin: Gateway, house: Wired) -> None:
    got = admin.post("/file_upload", b"cut off by somebody", Content_Type=FORM, Content_Length="999999999")

    assert (got.status, got.json["details"]["use"]) == (413, "POST /uploads")


def test_a_file_just_over_the_limit_is_refused(admin: Gateway, house: Wired) -> None:
    got = upload(admin, a_file(b"\xff\xd8\xff" + bytes(4_500_000 - 2)))

    assert (got.status, got.json["details"]["bytes"]) == (413, 4_500_001)


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("../../etc/passwd", "passwd.jpg"),
        ("günaydın fotoğraf.jpg", "günaydın fotoğraf.jpg"),  # noqa: RUF001  # Turkish
        ("a" * 296 + ".jpg", "a" * 100 + ".jpg"),
        ('say "hi".jpg', "say _hi.jpg"),
        ("", "unnamed.jpg"),
    ],
    ids=["traversal", "turkish", "long", "quotes", "none"],
)
def test_names_are_shown_as_given_and_stored_safely(
    admin: Gateway, busy_house: Wired, filename: str, name: str
) -> None:
    file = upload(admin, a_file(a_jpeg(), filename)).json["file"]

    assert (file["filename"], file["name"]) == (filename or "unnamed", name)
    assert admin.get(file["links"]["cdn"]).status == 302
    assert admin.get(f"/images/{file['image_id']}").json["filename"] == (filename or "unnamed")


def test_a_name_with_a_line_break_is_refused(admin: Gateway, house: Wired) -> None:
    got = upload(admin, a_file(a_jpeg(), "a\r\nSet-Cookie: b.jpg"))

    assert (got.status, got.json["code"]) == (400, "bad_request")


def test_a_wrong_extension_is_corrected_and_reported(admin: Gateway, busy_house: Wired) -> None:
    got = upload(admin, a_file(a_jpeg(), "photo.png"))

    assert got.json["file"]["name"] == "photo.jpg"
    assert "catalogued as .jpg" in got.json["warnings"][0]


@pytest.mark.parametrize("collection", ["../x", "", "a/b", "x" * 65, "a\nb"])
def test_a_bad_name_of_a_collection_is_refused(admin: Gateway, house: Wired, collection: str) -> None:
    assert upload(admin, a_file(a_jpeg()), collection=collection).status == 400


def test_fields_may_come_before_the_file(admin: Gateway, house: Wired) -> None:
    field = a_part('form-data; name="async"', b"yes")

    assert upload(admin, field, a_file(a_jpeg())).status == 202


def test_a_recorded_event_of_the_gateway_is_an_upload(admin: Gateway, house: Wired, app: Chalice) -> None:
    event = admin.event("POST", "/file_upload", a_form(a_file(a_jpeg()), async_="true"), {"content-type": FORM})

    got = answered(app(json.loads(json.dumps(event)), None))

    assert (event["isBase64Encoded"], got.status) == (True, 202)


def test_the_gateway_hands_uploads_on_as_bytes_and_json_as_text(app: Chalice) -> None:
    assert app.api.binary_types == ["multipart/form-data"]


def test_chalice_own_client_gets_the_same_answer(app: Chalice, house: Wired) -> None:
    headers = {"Authorization": BOOTSTRAP, "Content-Type": FORM}

    with Client(app) as client:
        got = client.http.post("/file_upload", headers=headers, body=a_form(a_file(a_jpeg()), async_="true"))

    assert got.status_code == 202


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
