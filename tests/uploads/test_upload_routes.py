from __future__ import annotations

import json

import pytest
from chalice.app import Chalice
from chalice.test import Client

from chalicelib.container import Container
from chalicelib.engine.model import JPEG_ENDLESS, JPEG_SHORT
from chalicelib.i18n import TURKISH, translated
from chalicelib.tasks.model import Status
from tests.http.forms import FORM, a_file, a_form, a_part, upload
from tests.http.gateway import Gateway, answered
from tests.http.memory_service import BOOTSTRAP, a_jpeg, bucket_of


def test_an_asynchronous_upload_is_accepted_with_a_task(admin: Gateway, services: Container) -> None:
    got = upload(admin, a_file(a_jpeg()), async_="true", collection="doğa")

    file = got.json["file"]
    assert got.status == 202
    assert got.headers["Location"] == f"/task/status/{file['task_id']}"
    assert got.headers["Retry-After"] == "1"
    assert got.json["task_ids"] == [["process_image", file["task_id"]]]
    assert (got.json["success"], got.json["async_processing"], got.json["warnings"]) == (True, True, [])
    assert (file["filename"], file["collection"], file["bytes"]) == ("photo.jpg", "doğa", len(a_jpeg()))
    assert services.tasks.get(file["task_id"]).status is Status.PENDING


def test_a_synchronous_upload_answers_the_finished_image(admin: Gateway, working_services: Container) -> None:
    got = upload(admin, a_file(a_jpeg()))

    file = got.json["file"]
    assert got.status == 201
    assert got.headers["Location"] == f"/images/{file['image_id']}"
    assert (got.json["async_processing"], got.json["duplicate"]) == (False, False)
    assert [one["size"] for one in file["thumbnails"]] == [150, 300, 600]
    assert (file["width"], file["height"], file["format"]) == (640, 480, "jpeg")
    assert "exif" not in file


def test_what_is_wrong_with_a_picture_that_is_taken_is_told_in_the_clients_language(
    admin: Gateway, working_services: Container
) -> None:
    english = upload(admin, a_file(a_jpeg()[:-2])).json
    admin.headers["Accept-Language"] = "tr"
    turkish = admin.get(f"/images/{english['file']['image_id']}").json
    again = admin.get(f"/task/status/{english['task_ids'][0][1]}").json["result"]

    assert english["warnings"] == english["file"]["warnings"] == [JPEG_ENDLESS]
    assert turkish["warnings"] == again["warnings"] == [translated(JPEG_ENDLESS, TURKISH)]


def test_half_a_picture_is_refused_with_the_reason(admin: Gateway, working_services: Container) -> None:
    half = a_jpeg()[:9_000] + b"\xff\xd9"
    refused = upload(admin, a_file(half))
    assert (refused.status, refused.json["code"], refused.json["message"]) == (422, "image_damaged", JPEG_SHORT)


MISNAMED = {
    "en": "The file's content does not match the extension in its name; the image is catalogued as .jpg.",
    "tr": "Dosyanın içeriği adındaki uzantıya uymuyor; resim .jpg olarak kataloglandı.",  # noqa: RUF001  Turkish
}


@pytest.mark.parametrize(("language", "said"), MISNAMED.items())
def test_a_name_that_claims_another_type_is_told_by_answer_and_record(
    admin: Gateway, working_services: Container, language: str, said: str
) -> None:
    admin.headers["Accept-Language"] = language
    answer = upload(admin, a_file(a_jpeg(), filename="photo.png")).json

    assert (answer["warnings"], answer["file"]["warnings"]) == ([said], [said])
    assert answer["file"]["name"] == "photo.jpg"


def test_both_ways_end_in_the_same_record(admin: Gateway, working_services: Container) -> None:
    waited = upload(admin, a_file(a_jpeg(seed=1))).json
    accepted = upload(admin, a_file(a_jpeg(seed=2)), async_="true").json

    result = admin.get(f"/task/status/{accepted['task_ids'][0][1]}").json["result"]

    assert result.keys() == waited["file"].keys()
    assert result["thumbnails"][0].keys() == waited["file"]["thumbnails"][0].keys()


def test_an_upload_that_takes_too_long_is_answered_with_its_task(admin: Gateway, services: Container) -> None:
    got = upload(admin, a_file(a_jpeg()))

    assert got.status == 202
    assert got.headers["Location"] == f"/task/status/{got.json['file']['task_id']}"
    assert "22 seconds" in got.json["reason"]


def cancel(services: Container, task_id: str) -> None:
    services.tasks.cancel(task_id)


@pytest.mark.parametrize("word", ["true", "TRUE", "1", "yes", "On"])
def test_words_for_asynchronous(admin: Gateway, working_services: Container, word: str) -> None:
    assert upload(admin, a_file(a_jpeg()), async_=word).status == 202


@pytest.mark.parametrize("word", ["false", "False", "0", "no", "OFF"])
def test_words_for_synchronous(admin: Gateway, working_services: Container, word: str) -> None:
    assert upload(admin, a_file(a_jpeg()), async_=word).status == 201


@pytest.mark.parametrize("word", ["maybe", "2", "evet", "true\x00", "ｔｒｕｅ"])  # noqa: RUF001  # wide letters
def test_other_words_are_refused(admin: Gateway, services: Container, word: str) -> None:
    got = upload(admin, a_file(a_jpeg()), async_=word)

    assert (got.status, got.json["details"]["parameter"]) == (400, "async")


def test_a_cancelled_upload_says_so(admin: Gateway, services: Container) -> None:
    bucket_of(services).announce = lambda key: cancel(services, key.split("/")[2])

    got = upload(admin, a_file(a_jpeg()))

    assert (got.status, got.json["details"]["status"]) == (409, "REVOKED")


def test_fields_may_come_before_the_file(admin: Gateway, services: Container) -> None:
    field = a_part('form-data; name="async"', b"yes")

    assert upload(admin, field, a_file(a_jpeg())).status == 202


def test_a_recorded_event_of_the_gateway_is_an_upload(admin: Gateway, services: Container, app: Chalice) -> None:
    event = admin.event("POST", "/file_upload", a_form(a_file(a_jpeg()), async_="true"), {"content-type": FORM})

    got = answered(app(json.loads(json.dumps(event)), None))

    assert (event["isBase64Encoded"], got.status) == (True, 202)


def test_the_gateway_hands_uploads_on_as_bytes_and_json_as_text(app: Chalice) -> None:
    assert app.api.binary_types == ["multipart/form-data"]


def test_chalice_own_client_gets_the_same_answer(app: Chalice, services: Container) -> None:
    headers = {"Authorization": BOOTSTRAP, "Content-Type": FORM}

    with Client(app) as client:
        got = client.http.post("/file_upload", headers=headers, body=a_form(a_file(a_jpeg()), async_="true"))

    assert got.status_code == 202
