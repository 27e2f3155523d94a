# ruff: noqa: RUF001 - Turkish has letters that look like others
"""Names that people and attackers give: shown as given, or refused; never part of where something is stored."""

from __future__ import annotations

import uuid

import httpx
import pytest

from tests.e2e.client import Json, Wallify
from tests.e2e.conftest import Cloud
from tests.e2e.photos import a_small_photo, clean_in_full, fetched
from tests.e2e.truth import Truth

pytestmark = pytest.mark.e2e

NAMES = {
    "../../etc/passwd": "passwd.jpg",
    "günaydın fotoğraf.jpg": "günaydın fotoğraf.jpg",
    "İSTANBUL ışığı ğüşöç.JPG": "İSTANBUL ışığı ğüşöç.jpg",
    "x" * 300 + ".jpg": "x" * 100 + ".jpg",
    "<script>alert(1)</script>.jpg": "script.jpg",
    "日本の朝 🌄.jpg": "日本の朝.jpg",
    "CON": "CON.jpg",
}
"""What is given, and what becomes of it in the URL."""

OURS = (
    "incoming/",
    "originals/",
    "renditions/",
    "guarded/",
    "errors/",
    "quarantine/",
    "manifests/",
    "forwards/",
    "privacy/",
    "trashed/",
)


@pytest.fixture(scope="module")
def named(wallify: Wallify) -> dict[str, Json]:
    """An image of each name; all are in one collection, which no other test has."""
    collection = f"test-{uuid.uuid4().hex[:10]}"
    return {name: wallify.published(a_small_photo(), name, collection=collection) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_given_and_leads_to_its_picture(
    cloud: Cloud, wallify: Wallify, named: dict[str, Json], name: str
) -> None:
    image = named[name]
    (listed,) = (one for one in wallify.images(image["collection"]) if one["image_id"] == image["image_id"])
    task = wallify.ended(image["links"]["task"].rpartition("/")[2])
    assert (image["filename"], listed["filename"], task["subject"]["filename"]) == (name, name, name)
    assert clean_in_full(fetched(cloud.api_url + image["links"]["cdn"])).size == (image["width"], image["height"])


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_tamed_where_it_becomes_part_of_an_address(named: dict[str, Json], name: str) -> None:
    assert named[name]["name"] == NAMES[name]


def test_a_name_never_becomes_part_of_a_key(truth: Truth, named: dict[str, Json]) -> None:
    (collection,) = {image["collection"] for image in named.values()}
    stored, mine = truth.keys(), f"incoming/{collection}/"
    # What another tool puts under incoming/, as another test does, has the name that the tool gave it.
    keys = [key for key in stored if key.startswith(mine) or not key.startswith("incoming/")]
    assert [key for key in keys if not key.startswith(OURS)] == []
    assert [key for key in keys if ".." in key or not key.isascii() or len(key) > 200] == []


def test_two_of_the_same_name_are_told_apart(wallify: Wallify, collection: str) -> None:
    names = [wallify.published(a_small_photo(), "şehir.jpg", collection=collection)["name"] for _ in range(3)]
    assert names == ["şehir.jpg", "şehir_1.jpg", "şehir_2.jpg"]


@pytest.mark.parametrize(
    "header",
    [
        b"filename*=UTF-8''a%0D%0AX-Evil%3A%201.jpg",
        b'filename="a\0b.jpg"',
        b'filename="a\nb.jpg"',
    ],
)
def test_a_line_break_in_a_name_is_refused(wallify: Wallify, header: bytes) -> None:
    answer = handmade(wallify, header)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request"), answer.text
    assert "X-Evil" not in answer.headers


def test_a_line_break_that_a_browser_has_escaped_is_refused_too(wallify: Wallify, collection: str) -> None:
    # https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data escapes CR and LF so.
    answer = wallify.upload(a_small_photo(), "a\r\nb.jpg", collection=collection)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_a_name_cannot_add_a_header_to_the_answer(wallify: Wallify) -> None:
    answer = handmade(wallify, b'filename="a\r\nX-Evil: 1.jpg"')
    assert "X-Evil" not in answer.headers
    assert "X-Evil" not in answer.text


def handmade(wallify: Wallify, header: bytes) -> httpx.Response:
    """An upload whose file part has this, byte for byte, for a name."""
    disposition = b'Content-Disposition: form-data; name="file"; ' + header
    body = b"\r\n".join([b"--line", disposition, b"", a_small_photo(), b"--line--", b""])
    content_type = {"Content-Type": "multipart/form-data; boundary=line"}
    return wallify.http.post("/file_upload", content=body, headers=content_type)
