"""Every refusal has its documented status and the one error shape, the gateway's own refusals included."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import httpx
import pytest

from tests.e2e.client import Wallify, http_to, task_of
from tests.e2e.conftest import Cloud
from tests.e2e.photos import a_small_photo
from tests.pictures import a_jpeg, raw_png

pytestmark = pytest.mark.e2e

SHAPE = {"success", "status", "code", "message", "request_id", "details"}
NOBODY = str(uuid.UUID(int=0))
HALF = a_jpeg()[: len(a_jpeg()) // 2]
JPEG_2000 = (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(211))[:211]

FILES = {
    # what is uploaded: its bytes, the status, the code
    "4.6 MB": (b"\xff\xd8\xff" + bytes(4_600_000), 413, "payload_too_large"),
    "more than a Lambda function can be handed": (b"\xff\xd8\xff" + bytes(5_000_000), 413, "payload_too_large"),
    "more than the gateway takes": (b"\xff\xd8\xff" + bytes(11_000_000), 413, "payload_too_large"),
    "nothing": (b"", 400, "empty_file"),
    "a text": (b"To whom it may concern: this is no picture.\n" * 9, 422, "not_an_image"),
    "half a JPEG": (HALF, 422, "image_damaged"),
    "211 bytes of JPEG 2000": (JPEG_2000, 415, "unsupported_type"),
    "60,000 x 60,000 pixels": (raw_png((60_000, 60_000), 8, 2, []), 422, "image_too_large"),
}

Ask = Callable[[httpx.Client], httpx.Response]
REQUESTS: dict[str, tuple[Ask, int, str]] = {
    "an id that nobody has": (lambda http: http.get(f"/task/status/{NOBODY}"), 404, "task_not_found"),
    "an id that is none": (lambda http: http.get("/task/status/42"), 400, "bad_request"),
    "an image that nobody has": (lambda http: http.get(f"/images/{NOBODY}"), 404, "image_not_found"),
    "a route that is none": (lambda http: http.get("/no/such/route"), 404, "not_found"),
    "a method that is none": (lambda http: http.put("/file_upload"), 405, "method_not_allowed"),
    "a form without a file": (lambda http: http.post("/file_upload", files={"other": b"?"}), 400, "bad_request"),
    "a form of another type": (lambda http: http.post("/file_upload", data={"a": "b"}), 415, "unsupported_type"),
    "a body that is no form": (lambda http: http.post("/file_upload", content=b"?"), 415, "unsupported_type"),
}


def assert_refused(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body.keys() == SHAPE
    assert (body["success"], body["status"], body["code"]) == (False, status, code)
    assert isinstance(body["details"], dict)
    assert all(isinstance(body[name], str) and body[name] for name in ("message", "request_id"))


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_cannot_be_taken_is_refused(wallify: Wallify, collection: str, what: str) -> None:
    body, status, code = FILES[what]
    assert_refused(wallify.waited(body, collection=collection), status, code)


@pytest.mark.parametrize("what", REQUESTS)
def test_a_request_that_makes_no_sense_is_refused(wallify: Wallify, what: str) -> None:
    ask, status, code = REQUESTS[what]
    assert_refused(ask(wallify.http), status, code)


def test_a_refused_method_comes_with_those_that_work(wallify: Wallify) -> None:
    allowed = wallify.http.put("/file_upload").headers["Allow"]
    assert {method.strip() for method in allowed.split(",")} >= {"POST", "OPTIONS"}


def test_a_file_too_large_for_the_api_is_told_where_to_go(wallify: Wallify, collection: str) -> None:
    answer = wallify.upload(FILES["4.6 MB"][0], collection=collection)
    assert answer.json()["details"]["use"] == "POST /uploads"


@pytest.mark.parametrize("token", [None, "not-a-token", "Bearer not-a-token"])
@pytest.mark.parametrize("route", ["GET /task/status/1", "GET /tasks", "GET /collections", "POST /file_upload"])
def test_nobody_gets_in_without_a_good_token(cloud: Cloud, token: str | None, route: str) -> None:
    method, path = route.split()
    with http_to(cloud.api_url, token) as http:
        answer = http.request(method, path)
    assert_refused(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_works_with_and_without_the_word_bearer(cloud: Cloud) -> None:
    for token in (cloud.token, f"Bearer {cloud.token}"):
        with http_to(cloud.api_url, token) as http:
            assert http.get("/tasks").status_code == 200


def test_half_a_jpeg_fails_at_its_first_attempt_and_leaves_nothing_to_see(wallify: Wallify, collection: str) -> None:
    task = wallify.ended(task_of(wallify.upload(HALF, collection=collection)))
    assert (task["status"], task["attempts"], task["result"]) == ("FAILURE", 1, None)
    assert (task["error"]["code"], task["error"]["retryable"]) == ("image_damaged", False)
    assert wallify.http.get(f"/collections/{collection}").status_code == 404


def test_a_wrong_extension_is_corrected_and_reported(wallify: Wallify, collection: str) -> None:
    finished = wallify.waited(a_small_photo(), "photo.png", collection=collection).json()
    assert (finished["file"]["name"], finished["file"]["format"]) == ("photo.jpg", "jpeg")
    assert finished["warnings"]


def test_refusals_speak_turkish_to_who_reads_turkish(wallify: Wallify) -> None:
    english, turkish = (
        wallify.http.get(f"/task/status/{NOBODY}", headers={"Accept-Language": language}).json()
        for language in ("en", "tr-TR,tr;q=0.9")
    )
    assert english["code"] == turkish["code"]
    assert english["message"] != turkish["message"]
