"""A bad picture is refused with the same code, message and details, by whichever door it came, in both languages."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from PIL import Image

from chalicelib.container import Container
from chalicelib.storage import NewObject
from tests.http.forms import FORM, a_file, a_form, a_part, upload
from tests.http.gateway import Gateway, Got
from tests.http.memory_service import a_jpeg
from tests.pictures import encoded, riff_chunk
from tests.tiffs import Page, tiff_with

Told = tuple[str, str, dict[str, Any]]
"""Code, message and details."""


def a_png_without_all_pixels() -> bytes:
    return encoded(Image.new("RGB", (30, 20), "teal"), "PNG")[:-30]


def a_png_with_a_broken_chunk() -> bytes:
    whole = bytearray(encoded(Image.new("RGB", (30, 20), "teal"), "PNG"))
    whole[whole.index(b"IDAT") + 6] ^= 255
    return bytes(whole)


def a_jpeg_of_comments(count: int = 2_000) -> bytes:
    return b"\xff\xd8" + b"\xff\xfe\0\2" * count + a_jpeg()[2:]


def a_large_webp(side: int = 8_000) -> bytes:
    picture = riff_chunk(b"VP8L", b"\x2f" + (side - 1 | side - 1 << 14).to_bytes(4, "little") + bytes(20))
    return b"RIFF" + struct.pack("<I", 4 + len(picture)) + b"WEBP" + picture


def a_dng() -> bytes:
    seen = Page(Image.new("L", (30, 20)), {262: 32803})
    return tiff_with(Page(Image.new("RGB", (15, 10)), {254: 1, 50706: 0x104}, inside=(seen,)))


def a_deep_jpeg() -> bytes:
    return a_jpeg().replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c")


def a_webp_tiff() -> bytes:
    return tiff_with(Page(Image.new("L", (30, 20)), {259: 50001}))


TOO_MUCH = {"what", "value", "limit"}
BAD: Mapping[str, tuple[Callable[[], bytes], str, set[str]]] = {
    "too wide": (lambda: encoded(Image.new("L", (30_001, 1)), "PNG"), "image_too_large", TOO_MUCH),
    "of too many parts": (a_jpeg_of_comments, "image_too_large", TOO_MUCH),
    "of too much memory": (a_large_webp, "image_too_large", TOO_MUCH | {"pixels"}),
    "a directory at no place": (lambda: b"II+\0" + b"\xff" * 12, "image_damaged", set()),
    "of a type that is not taken": (lambda: b"%PDF-1.7 and so on", "unsupported_type", {"type", "supported"}),
    "a raw photo": (lambda: b"IIRO" + bytes(600), "unsupported_type", {"type", "reason", "supported"}),
    "a raw photo inside a TIFF": (a_dng, "unsupported_type", {"type", "reason", "supported"}),
    "of a coding that is not taken": (a_deep_jpeg, "unsupported_type", {"type", "coding", "reason", "supported"}),
    "a compression that is not taken": (a_webp_tiff, "unsupported_type", {"type", "coding", "reason", "supported"}),
    "Apple's PNG": (lambda: b"\x89PNG\r\n\x1a\n\0\0\0\4CgBI", "unsupported_type", {"type", "supported"}),
    "a video": (lambda: b"\0\0\0\x18ftypmp42" + bytes(600), "unsupported_type", {"type", "supported"}),
    "markup": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_type", {"type", "supported"}),
    "cut off": (a_png_without_all_pixels, "image_damaged", set()),
    "half a JPEG": (lambda: a_jpeg()[:5_000], "image_damaged", set()),
    "with a wrong checksum": (a_png_with_a_broken_chunk, "image_damaged", set()),
    "no image": (lambda: b"Dear diary, this is a text.", "not_an_image", set()),
    "empty": (lambda: b"", "empty_file", set()),
}


@pytest.mark.parametrize("language", ["en", "tr"])
@pytest.mark.parametrize("kind", BAD)
def test_every_door_refuses_a_bad_picture_alike(
    admin: Gateway, working_services: Container, kind: str, language: str
) -> None:
    make, code, facts = BAD[kind]
    body = make()
    admin.headers["Accept-Language"] = language

    direct = _direct(admin, body)

    assert (direct[0], set(direct[2])) == (code, facts)
    assert direct[1]
    assert _asynchronous(admin, body) == direct
    assert _child(admin, body) == direct
    if body:  # a form takes no empty file, and an object without bytes that another tool drops is ignored
        assert _in_the_bucket(admin, working_services, body) == direct


@pytest.mark.parametrize(("make", "code"), [(make, code) for make, code, _ in BAD.values()], ids=BAD)
def test_the_reason_is_told_in_turkish_too(
    admin: Gateway, working_services: Container, make: Callable[[], bytes], code: str
) -> None:
    body = make()
    english = _direct(admin, body)
    admin.headers["Accept-Language"] = "tr"
    turkish = _direct(admin, body)

    assert (turkish[0], turkish[2]) == (english[0], english[2]) == (code, english[2])
    assert turkish[1] != english[1]
    facts = (fact for name, fact in english[2].items() if name != "what")  # a word for programs
    for fact in facts:
        shown = ", ".join(fact) if isinstance(fact, list) else str(fact)
        assert (shown in turkish[1]) == (shown in english[1]), fact


def test_a_file_over_the_limit_is_refused_alike_with_the_limit(admin: Gateway, working_services: Container) -> None:
    limit = working_services.settings.max_upload_bytes
    announced = admin.post(
        "/uploads",
        json.dumps({"filename": "a.png", "content_type": "image/png", "bytes": limit + 1}).encode(),
        Content_Type="application/json",
    )
    arrived = _in_the_bucket(admin, working_services, bytes(limit + 1))

    assert (announced.status, announced.json["code"]) == (413, "payload_too_large")
    assert arrived == _told(announced.json)
    assert arrived[2] == {"limit": limit, "bytes": limit + 1}


def test_a_request_whose_files_are_all_bad_tells_each_reason_in_the_clients_language(
    admin: Gateway, working_services: Container
) -> None:
    admin.headers["Accept-Language"] = "tr"

    got = _bulk(admin, b"Dear diary", b"%PDF-1.7 and so on")

    results = got.json["details"]["results"]
    assert [one["code"] for one in results] == ["not_an_image", "unsupported_type"]
    assert [one["message"] for one in results] == [
        _direct(admin, body)[1] for body in (b"Dear diary", b"%PDF-1.7 and so on")
    ]
    assert results[1]["details"]["type"] == "pdf"


def _direct(client: Gateway, body: bytes) -> Told:
    return _told(upload(client, a_file(body), on_duplicate="copy").json)


def _asynchronous(client: Gateway, body: bytes) -> Told:
    got = upload(client, a_file(body), async_="true", on_duplicate="copy")
    return _told(got.json) if "code" in got.json else _task(client, got.json["task_ids"][0][1])


def _child(client: Gateway, body: bytes) -> Told:
    got = _bulk(client, a_jpeg(seed=9), body)
    item = got.json["results"][1]
    error = _task(client, item["task_id"])
    assert item["error"] is None or _told(item["error"]) == error
    return error


def _bulk(client: Gateway, *bodies: bytes) -> Got:
    parts = (a_part('form-data; name="files[]"; filename="a.jpg"', body) for body in bodies)
    return client.post("/bulk_upload", a_form(*parts, async_="true", on_duplicate="copy"), Content_Type=FORM)


def _in_the_bucket(client: Gateway, services: Container, body: bytes) -> Told:
    draft = client.post(
        "/uploads",
        json.dumps({"filename": "a.png", "content_type": "image/png", "on_duplicate": "copy"}).encode(),
        Content_Type="application/json",
    ).json
    services.objects.put(NewObject(services.tasks.get(draft["task_id"]).args["source"], body, "image/png"))
    return _task(client, draft["task_id"])


def _task(client: Gateway, task_id: str) -> Told:
    return _told(client.get(f"/task/status/{task_id}").json["error"])


def _told(error: Mapping[str, Any]) -> Told:
    details = {name: fact for name, fact in error["details"].items() if name not in {"task_id", "index"}}
    return error["code"], error["message"], details
