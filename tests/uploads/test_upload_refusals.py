from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from chalicelib.container import Container
from chalicelib.tasks.model import Status
from tests.http.forms import FORM, a_file, a_form, upload
from tests.http.gateway import Gateway
from tests.http.memory_service import a_jpeg
from tests.memory_metrics import MemoryMetrics


@pytest.fixture
def metrics(services: Container) -> MemoryMetrics:
    assert isinstance(services.metrics, MemoryMetrics)
    return services.metrics


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
    admin: Gateway, working_services: Container, body: bytes, status: int, code: str
) -> None:
    got = upload(admin, a_file(body))

    assert (got.status, got.json["code"], got.json["success"]) == (status, code, False)


def test_a_failure_of_the_pipeline_names_its_task(admin: Gateway, working_services: Container) -> None:
    got = upload(admin, a_file(a_jpeg()[:5_000]))

    assert working_services.tasks.get(got.json["details"]["task_id"]).status is Status.FAILURE


def test_refusals_are_counted_by_reason_and_failures_of_the_pipeline_are_none(
    admin: Gateway, anyone: Gateway, working_services: Container, metrics: MemoryMetrics
) -> None:
    upload(admin, a_file(b""))
    upload(anyone, a_file(a_jpeg()))
    upload(admin, a_file(a_jpeg()[:5_000]))
    assert metrics.total("UploadsRefused", reason="empty_file") == 1
    assert metrics.total("UploadsRefused", reason="unauthorized") == 1
    assert metrics.total("UploadsRefused") == 2
    assert metrics.total("UploadsAccepted", door="single") == 1


def test_a_large_body_is_refused_with_a_hint(admin: Gateway, services: Container) -> None:
    got = upload(admin, a_file(b"\xff\xd8\xff" + bytes(4_600_000)))

    assert (got.status, got.json["code"]) == (413, "payload_too_large")
    assert got.json["details"]["limit"] == 4_500_000
    assert got.json["details"]["use"] == "POST /uploads"


def test_a_large_body_is_refused_by_its_announced_length(admin: Gateway, services: Container) -> None:
    got = admin.post("/file_upload", b"cut off by somebody", Content_Type=FORM, Content_Length="999999999")

    assert (got.status, got.json["details"]["use"]) == (413, "POST /uploads")


def test_a_file_just_over_the_limit_is_refused(admin: Gateway, services: Container) -> None:
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
    admin: Gateway, working_services: Container, filename: str, name: str
) -> None:
    file = upload(admin, a_file(a_jpeg(), filename)).json["file"]

    assert (file["filename"], file["name"]) == (filename or "unnamed", name)
    assert admin.get(file["links"]["cdn"]).status == 302
    assert admin.get(f"/images/{file['image_id']}").json["filename"] == (filename or "unnamed")


def test_a_name_with_a_line_break_is_refused(admin: Gateway, services: Container) -> None:
    got = upload(admin, a_file(a_jpeg(), "a\r\nSet-Cookie: b.jpg"))

    assert (got.status, got.json["code"]) == (400, "bad_request")


def test_a_wrong_extension_is_corrected_and_reported(admin: Gateway, working_services: Container) -> None:
    got = upload(admin, a_file(a_jpeg(), "photo.png"))

    assert got.json["file"]["name"] == "photo.jpg"
    assert "catalogued as .jpg" in got.json["warnings"][0]


@pytest.mark.parametrize("collection", ["../x", "a/b", "x" * 65, "a\nb"])
def test_a_bad_name_of_a_collection_is_refused(admin: Gateway, services: Container, collection: str) -> None:
    assert upload(admin, a_file(a_jpeg()), collection=collection).status == 400


@pytest.mark.parametrize("word", ["undefined", "null", "NaN", "None", "UNDEFINED", "[object Object]"])
def test_what_programs_send_for_a_missing_collection_is_refused_everywhere(
    admin: Gateway, working_services: Container, word: str
) -> None:
    image_id = upload(admin, a_file(a_jpeg())).json["file"]["image_id"]
    quoted = quote(word)
    answers = [
        upload(admin, a_file(a_jpeg()), collection=word),
        admin.post("/bulk_upload", a_form(a_file(a_jpeg()), collection=word), Content_Type=FORM),
        admin.post("/uploads", json.dumps({"filename": "a.jpg", "collection": word}).encode()),
        admin.ask("PATCH", f"/images/{image_id}", json.dumps({"collection": word}).encode()),
        admin.ask("PATCH", f"/collections/{quoted}", b'{"private": true}'),
    ]
    assert [got.status for got in answers] == [400] * 5
    sentences = [json.dumps(got.json, ensure_ascii=False) for got in answers]
    # A bulk upload says it of each of its files, by their codes.
    assert [index for index, sentence in enumerate(sentences) if word not in sentence] == [1]
    assert [one["name"] for one in admin.get("/collections").json["collections"]] == ["default"]


def test_characters_that_reorder_a_name_are_removed_at_every_way_in(
    admin: Gateway, working_services: Container
) -> None:
    dirty = "ığ\N{RIGHT-TO-LEFT OVERRIDE}gpj\N{LEFT-TO-RIGHT ISOLATE}.jpg"  # Turkish, on purpose
    clean = "ığgpj.jpg"  # noqa: RUF001  # Turkish, on purpose
    file = upload(admin, a_file(a_jpeg(), dirty), collection="do\N{RIGHT-TO-LEFT MARK}ğa").json["file"]
    assert (file["filename"], file["name"], file["collection"]) == (clean, clean, "doğa")
    draft = admin.post("/uploads", json.dumps({"filename": dirty}).encode()).json["uploads"][0]
    assert draft["filename"] == clean
    renamed = admin.ask("PATCH", f"/images/{file['image_id']}", json.dumps({"filename": f"x{dirty}"}).encode()).json
    assert renamed["filename"] == f"x{clean}"
