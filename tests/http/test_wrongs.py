"""What is wrong with a request is told in words that need no knowledge of the validator."""

from __future__ import annotations

import pytest

from tests.http.forms import a_file, upload
from tests.http.gateway import Gateway
from tests.http.memory_service import a_jpeg

UNKNOWN = "11111111-1111-4111-8111-111111111111"
AN_ID = "must be an id of the API, such as 0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0."


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/task/status/42", f"task_id {AN_ID}"),
        (f"/task/status/{'a' * 5000}", f"task_id {AN_ID}"),
        ("/images/x", f"image_id {AN_ID}"),
        (f"/task/status/{UNKNOWN}?wait=0", "wait must be 1 or more."),
        (f"/task/status/{UNKNOWN}?wait=21", "wait must be 20 or less."),
        (f"/task/status/{UNKNOWN}?wait=soon", "wait must be a whole number."),
        ("/tasks?state=DONE", "state must be one of PENDING, STARTED, RETRY, SUCCESS, PARTIAL, FAILURE, REVOKED."),
        ("/tasks?since=yesterday", "since must be a date and time with a time zone, such as 2026-01-31T12:00:00Z."),
        (
            "/tasks?since=2026-01-31T12:00:00",
            "since must be a date and time with a time zone, such as 2026-01-31T12:00:00Z.",
        ),
        (f"/tasks?cursor={'a' * 5000}", "cursor must have 4096 characters or fewer."),
    ],
)
def test_an_address_that_makes_no_sense_is_told_what_would(admin: Gateway, path: str, message: str) -> None:
    got = admin.get(path)

    assert (got.status, got.json["message"]) == (400, message)
    assert got.json["details"]["parameter"] == message.partition(" ")[0]


@pytest.mark.parametrize("word", ["maybe", "garbage", "2", "true\x00"])
def test_a_switch_that_makes_no_sense_is_told_what_would(admin: Gateway, word: str) -> None:
    got = upload(admin, a_file(a_jpeg()), async_=word)

    assert (got.status, got.json["message"]) == (400, "async must be one of true, 1, yes, on, false, 0, no, off.")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "The body is not valid JSON."),
        ("{", "The body is not valid JSON."),
        ("{nonsense}", "The body is not valid JSON."),
        ("[]", "The body must be a JSON object."),
        ('{"scopes": ["read"]}', "name is required."),
        ('{"name": "", "scopes": ["read"]}', "name must not be empty."),
        ('{"name": 7, "scopes": ["read"]}', "name must be text."),
        ('{"name": "a", "scopes": []}', "scopes must not be empty."),
        ('{"name": "a", "scopes": "read"}', "scopes must be a list."),
        ('{"name": "a", "scopes": ["root"]}', "scopes[0] must be one of read, upload, tasks, admin."),
        ('{"name": "a", "scopes": ["read"], "days": "7"}', "days must be a whole number."),
        ('{"name": "a", "scopes": ["read"], "days": 0}', "days must be 1 or more."),
    ],
)
def test_a_body_that_makes_no_sense_is_told_what_would(admin: Gateway, body: str, message: str) -> None:
    got = admin.post("/tokens", body.encode(), Content_Type="application/json")

    assert (got.status, got.json["message"]) == (400, message)


def test_a_field_that_nobody_knows_is_named(admin: Gateway) -> None:
    got = admin.ask("PATCH", f"/images/{UNKNOWN}", b'{"title": "new"}')

    allowed = "collection, filename, name, focal_point"
    assert (got.status, got.json["message"]) == (400, f"Unknown field `title`. Allowed: {allowed}.")
