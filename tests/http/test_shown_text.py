"""Text that clients send and that is shown to people: in a log, a terminal, a table of the monitor."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest

from chalicelib.http.request import LINES
from tests.endpoints import ENDPOINTS, MONITOR
from tests.http.gateway import Gateway

BAD = ("a\nb", "a\r\nb", "a\x00b", "a\x1b[2Jb", "a\x7fb", "a\x85b", "a\u2028b", "a\u202eb", "a\u2066b", "a\n", "\t")
CHECKED_OTHERWISE = {
    "SignIn.token": "looked up by its digest, and never shown",
    "CollectionCreate.name": "`names.new_collection_name`",
    "CollectionUpdate.name": "`names.new_collection_name`",
    "ThumbnailRequest.collection": "`names.collection_name`",
    "ImageUpdate.collection": "`names.new_collection_name`",
    "ImageUpdate.filename": "`names.display_name`",
    "ImageUpdate.name": "`names.display_name`",
    "UploadForm.collection": "`names.new_collection_name`",
    "FileIntent.collection": "`names.new_collection_name`",
    "FileIntent.filename": "`names.display_name`",
    "FileIntent.content_type": "one of our media types, or application/octet-stream",
    "FileIntents.collection": "`names.new_collection_name`",
    "FileIntents.filename": "`names.display_name`",
    "FileIntents.content_type": "one of our media types, or application/octet-stream",
    "PurgeRequest.confirm": "the name of a queue",
    "RestoreRequest.key": "the key of an object that there is",
}


def texts(kind: Any) -> Iterator[tuple[str, str | None]]:  # noqa: ANN401  # msgspec's types of fields
    """The text fields of a body, at any depth, with their patterns."""
    for part in _parts(kind):
        for field in msgspec.structs.fields(part):
            metas = [one for one in _flat(field.type) if isinstance(one, msgspec.Meta)]
            if str in _flat(field.type):
                yield f"{part.__name__}.{field.encode_name}", next((one.pattern for one in metas if one.pattern), None)
            yield from texts(field.type)


def _parts(kind: Any) -> Iterator[Any]:  # noqa: ANN401
    yield from (one for one in _flat(kind) if isinstance(one, type) and issubclass(one, msgspec.Struct))


def _flat(kind: Any) -> list[Any]:  # noqa: ANN401
    return [kind, *(part for inner in get_args(kind) for part in _flat(inner))]


def test_every_text_of_a_body_is_known_to_be_fit_to_be_shown() -> None:
    found = {
        name: pattern
        for one in (*ENDPOINTS, *MONITOR)
        for part in ("body", "form")
        if part in one.parts
        for name, pattern in texts(one.parts[part])
    }
    unsafe = {name for name, pattern in found.items() if pattern is None or re.search(pattern, "a\x1bb")}

    assert unsafe == CHECKED_OTHERWISE.keys()


@pytest.mark.parametrize("text", BAD, ids=ascii)
def test_a_name_of_one_line_holds_no_control_characters(admin: Gateway, text: str) -> None:
    token_id = admin.post("/tokens", b'{"name": "app", "scopes": ["read"]}').json["token"]["token_id"]
    admin.post("/collections", b'{"name": "lakes"}')
    refused = [
        admin.post("/tokens", json.dumps({"name": text, "scopes": ["read"]}).encode()),
        admin.ask("PATCH", f"/tokens/{token_id}", json.dumps({"name": text}).encode()),
        admin.post("/collections", json.dumps({"name": "ponds", "title": text}).encode()),
        admin.ask("PATCH", "/collections/lakes", json.dumps({"title": text}).encode()),
    ]

    assert {(got.status, got.json["code"]) for got in refused} == {(400, "bad_request")}
    assert refused[0].json["message"] == "name must be text without line breaks or control characters."
    assert [one["name"] for one in admin.get("/tokens").json["tokens"]] == ["app"]


@pytest.mark.parametrize("text", ["Ayşe's phone", "\U0001f469\u200d\U0001f680 app", "می\u200cخواهم", "a\u00a0b"])  # noqa: RUF001
def test_a_name_may_have_any_letters(admin: Gateway, text: str) -> None:
    made = admin.post("/tokens", json.dumps({"name": text, "scopes": ["read"]}).encode())

    assert (made.status, made.json["token"]["name"]) == (201, text)


def test_a_description_has_lines_and_no_other_control_characters(admin: Gateway) -> None:
    described = admin.post("/collections", json.dumps({"name": "a", "description": "one\r\n\ttwo\n"}).encode())
    refused = admin.post("/collections", json.dumps({"name": "b", "description": "one\x1b[31m"}).encode())

    assert (described.status, described.json["description"]) == (201, "one\r\n\ttwo\n")
    assert refused.status == 400
    assert re.search(LINES, "\ud800") is None
