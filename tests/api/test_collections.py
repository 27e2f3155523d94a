"""Collections that are created and described, before and after their first image."""

from __future__ import annotations

import json

import pytest

from tests.api.forms import a_file, upload
from tests.api.gateway import Gateway, Got
from tests.api.house import a_jpeg

pytestmark = pytest.mark.usefixtures("busy_house")


def create(client: Gateway, **wanted: object) -> Got:
    return client.post("/collections", json.dumps(wanted).encode())


def change(client: Gateway, name: str, **wanted: object) -> Got:
    return client.ask("PATCH", f"/collections/{name}", json.dumps(wanted).encode())


def test_a_collection_is_created_empty_and_filled_later(admin: Gateway) -> None:
    made = create(admin, name="lakes", title="Göller", description="Su")

    assert (made.status, made.json["images"], made.json["private"]) == (201, 0, False)
    assert (made.json["title"], made.json["description"]) == ("Göller", "Su")
    assert admin.get("/collections/lakes").json == made.json
    assert admin.get("/collections").json["collections"] == [made.json]
    assert admin.get("/collections/lakes/images").json["images"] == []
    upload(admin, a_file(a_jpeg()), collection="lakes")
    assert (admin.get("/collections/lakes").json["images"], admin.get("/collections/lakes").json["title"]) == (
        1,
        "Göller",
    )


def test_a_private_collection_is_private_from_the_start(admin: Gateway) -> None:
    assert create(admin, name="secret", private=True).json["private"] is True
    assert upload(admin, a_file(a_jpeg()), collection="secret").json["file"]["private"] is True


def test_a_name_that_is_in_use_is_not_given_twice(admin: Gateway) -> None:
    upload(admin, a_file(a_jpeg()), collection="full")
    create(admin, name="empty")

    answers = [create(admin, name=name, private=True) for name in ("full", "empty", " empty ")]

    assert {(got.status, got.json["code"]) for got in answers} == {(409, "collection_exists")}
    assert admin.get("/collections/empty").json["private"] is False


def test_a_collection_is_described_with_or_without_images(admin: Gateway) -> None:
    upload(admin, a_file(a_jpeg()), collection="full")

    first = change(admin, "full", title="Full", description="of pictures")
    second = change(admin, "full", description="")

    assert (first.status, first.json["title"], first.json["description"]) == (200, "Full", "of pictures")
    assert (second.json["title"], second.json["description"]) == ("Full", "")
    assert (change(admin, "nowhere", title="x").status, change(admin, "full").status) == (404, 400)


@pytest.mark.parametrize(
    "wanted", [{}, {"name": "../x"}, {"name": "a", "titel": "x"}, {"name": "a", "title": "x" * 201}]
)
def test_what_cannot_be_created_is_refused(admin: Gateway, wanted: dict[str, object]) -> None:
    assert create(admin, **wanted).status == 400
    assert admin.get("/collections").json["collections"] == []
