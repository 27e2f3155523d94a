"""Collections that are created and described, before and after their first image."""

from __future__ import annotations

import json

import pytest

from chalicelib.container import Container
from chalicelib.json_formats import Work
from tests.http.forms import a_file, upload
from tests.http.gateway import Gateway, Got
from tests.http.memory_service import a_jpeg

pytestmark = pytest.mark.usefixtures("working_services")


def create(client: Gateway, **wanted: object) -> Got:
    return client.post("/collections", json.dumps(wanted).encode())


def work(services: Container, task_id: str) -> None:
    services.chunked_jobs.run(Work(task_id), services.job_worker)


def change(client: Gateway, name: str, /, **wanted: object) -> Got:
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


def test_a_collection_is_renamed_by_a_task(admin: Gateway, working_services: Container) -> None:
    upload(admin, a_file(a_jpeg(), filename="a.jpg"), collection="lakes")
    change(admin, "lakes", title="Lakes")

    started = change(admin, "lakes", name="göller")
    work(working_services, started.json["task_id"])

    assert (started.status, started.json["type"], started.headers["Location"].rpartition("/")[2]) == (
        202,
        "rename_collection",
        started.json["task_id"],
    )
    assert admin.get(f"/task/status/{started.json['task_id']}").json["result"]["images_moved"] == 1
    assert [(one["name"], one["title"], one["images"]) for one in admin.get("/collections").json["collections"]] == [
        ("göller", "Lakes", 1)
    ]
    assert admin.get("/cdn/lakes/a.jpg").status == 302
    assert admin.get("/collections/lakes").status == 404
    written = {(entry["action"], entry["target"]) for entry in admin.get("/audit").json["entries"]}
    assert ("update_collection", "lakes name=göller") in written


def test_a_rename_that_cannot_be_is_refused(admin: Gateway) -> None:
    create(admin, name="a", title="A")
    create(admin, name="b")

    answers = [
        change(admin, "a", name="b"),
        change(admin, "nowhere", name="c"),
        change(admin, "a", name="../x"),
        change(admin, "a", name="c", title="C"),
        change(admin, "nowhere", name="nowhere"),
    ]

    assert [got.status for got in answers] == [409, 404, 400, 400, 404]
    assert (answers[0].json["code"], answers[0].json["details"]) == ("name_taken", {"collection": "b"})
    same = change(admin, "a", name=" a ")
    assert (same.status, same.json["title"]) == (200, "A")
    assert change(admin, "a", name="a", title="AA").json["title"] == "AA"


def test_while_a_collection_is_renamed_neither_name_is_changed_or_deleted(
    admin: Gateway, working_services: Container
) -> None:
    create(admin, name="a", title="A")
    task_id = change(admin, "a", name="b").json["task_id"]
    assert change(admin, "a", name="b").json["task_id"] == task_id

    answers = [change(admin, name, title="x") for name in ("a", "b")]
    answers += [admin.ask("DELETE", f"/collections/{name}?force=true") for name in ("a", "b")]
    answers += [change(admin, name, private=True) for name in ("a", "b")]

    assert {(got.status, got.json["code"], got.json["details"]["task_id"]) for got in answers} == {
        (409, "collection_is_renamed", task_id)
    }
    work(working_services, task_id)
    assert change(admin, "b", title="B").json["title"] == "B"
