from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from chalicelib import storage
from chalicelib.container import Container
from chalicelib.storage import NewObject
from chalicelib.tasks.model import TaskType
from tests.http.forms import a_file, upload
from tests.http.gateway import Gateway
from tests.http.memory_service import a_jpeg
from tests.memory_queue import MemoryQueue

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def queue(working_services: Container) -> MemoryQueue:
    from random import Random  # noqa: PLC0415  # only this fixture draws

    queue = MemoryQueue(working_services.clock, Random(1))
    working_services.queues = dict.fromkeys(TaskType, queue)
    return queue


@pytest.fixture
def image_id(admin: Gateway, working_services: Container) -> str:
    found: str = upload(admin, a_file(a_jpeg()), collection="lakes").json["file"]["image_id"]
    return found


def change(client: Gateway, image_id: str, **body: object) -> int:
    return client.ask("PATCH", f"/images/{image_id}", json.dumps(body).encode()).status


def test_moving_takes_the_image_to_the_other_collection(admin: Gateway, image_id: str) -> None:
    status = change(admin, image_id, collection="mountains", filename="Göl.jpg")

    moved = admin.get(f"/images/{image_id}").json
    assert (status, moved["collection"], moved["name"]) == (200, "mountains", "Göl.jpg")
    assert admin.get("/collections/lakes").status == 404
    assert change(admin, image_id) == 400


def test_the_old_address_of_a_moved_image_leads_where_the_new_one_does(admin: Gateway, image_id: str) -> None:
    old = admin.get(f"/images/{image_id}").json["links"]["cdn"]
    before = admin.get(old).headers["Location"]
    change(admin, image_id, collection="mountains", filename="Göl.jpg")
    new = admin.get(f"/images/{image_id}").json["links"]["cdn"]

    assert old != new
    assert admin.get(old).headers["Location"] == admin.get(new).headers["Location"] == before


def test_the_trash_hides_an_image_and_gives_it_back(admin: Gateway, image_id: str) -> None:
    deleted = admin.ask("DELETE", f"/images/{image_id}")
    hidden, trash = admin.get(f"/images/{image_id}").status, admin.get("/trash").json["images"]
    restored = admin.post(f"/images/{image_id}/restore")

    assert (deleted.status, hidden) == (200, 404)
    assert [one["image_id"] for one in trash] == [image_id]
    assert (restored.status, admin.get(f"/images/{image_id}").status) == (200, 200)


def test_a_trashed_image_is_not_found_by_any_address_and_restored_it_has_the_same(
    admin: Gateway, image_id: str, working_services: Container
) -> None:
    before = admin.get(f"/images/{image_id}").json
    addresses = [
        before["links"]["cdn"],
        before["links"]["named"],
        f"/i/{image_id}/full",
        f"/i/{image_id}/150",
        before["links"]["cdn"] + "?download=true",
    ]
    assert {admin.get(address).status for address in addresses} == {302}
    trashed = admin.ask("DELETE", f"/images/{image_id}").json

    answers = [admin.get(address) for address in addresses]

    assert {(got.status, got.json["code"], got.json["success"]) for got in answers} == {(404, "image_not_found", False)}
    keys = [urlsplit(one["url"]).path for one in (trashed, *trashed["thumbnails"])]
    assert all(key.startswith(f"/trashed/{image_id}/renditions/") for key in keys)
    assert all(working_services.objects.exists(key.removeprefix("/")) for key in keys)
    assert not list(working_services.objects.list(f"renditions/{image_id}/", 9).items)
    admin.post(f"/images/{image_id}/restore")
    assert {**admin.get(f"/images/{image_id}").json, "srcset": ""} == {**before, "srcset": ""}
    assert {admin.get(address).status for address in addresses} == {302}


def test_what_comes_back_from_quarantine_stays_hidden_while_its_image_is_in_the_trash(
    admin: Gateway, image_id: str, working_services: Container
) -> None:
    key = f"renditions/{image_id}/old/600.jpg"
    working_services.objects.put(NewObject(storage.quarantined(key), b"old", "image/jpeg"))
    admin.ask("DELETE", f"/images/{image_id}")

    assert admin.post("/quarantine/restore", json.dumps({"key": key}).encode()).status == 200
    assert (working_services.objects.exists(key), working_services.objects.exists(storage.hidden(key))) == (False, True)


def test_deleting_for_good_is_a_task(admin: Gateway, image_id: str, queue: MemoryQueue) -> None:
    one = admin.ask("DELETE", f"/images/{image_id}?forever=true")
    many = admin.post("/deletions", json.dumps({"image_ids": [image_id]}).encode())
    none = admin.post("/deletions", json.dumps({"image_ids": [UNKNOWN]}).encode())

    assert (one.status, one.json["type"], many.status, none.status) == (202, "delete_images", 202, 404)
    assert one.headers["Location"] == f"/task/status/{one.json['task_id']}"


def test_a_collection_with_images_wants_force(admin: Gateway, image_id: str, queue: MemoryQueue) -> None:
    refused = admin.ask("DELETE", "/collections/lakes")
    forced = admin.ask("DELETE", "/collections/lakes?force=true")

    assert (refused.status, refused.json["code"]) == (409, "collection_not_empty")
    assert forced.status == 202
    assert admin.ask("DELETE", "/collections/nowhere").status == 404


def test_thumbnails_are_made_again_on_their_own_lane(admin: Gateway, image_id: str, queue: MemoryQueue) -> None:
    got = admin.post("/thumbnails", json.dumps({"collection": "lakes"}).encode())

    assert (got.status, got.json["type"], len(queue.messages)) == (202, "generate_thumbnails", 1)


def test_the_timetable_is_told_and_run_by_hand(admin: Gateway, queue: MemoryQueue) -> None:
    started = admin.post("/schedules/cleanup/run?dry_run=true")
    again = admin.post("/schedules/cleanup_orphaned_files/run")
    off = admin.ask("PATCH", "/schedules/optimize", b'{"enabled": false}')

    by_name = {one["name"]: one for one in admin.get("/schedules").json["schedules"]}
    assert (started.status, again.status, again.json["code"]) == (202, 409, "still_running")
    assert by_name["cleanup_orphaned_files"]["last_task"]["task_id"] == started.json["task_id"]
    assert (off.status, by_name["optimize_images"]["next_run"]) == (200, None)
    assert admin.post("/schedules/nothing/run").status == 404


@pytest.mark.parametrize("field", ["name", "filename"])
def test_a_record_is_changed_by_the_names_that_it_shows(admin: Gateway, image_id: str, field: str) -> None:
    got = admin.ask("PATCH", f"/images/{image_id}", json.dumps({field: "Göl.jpg"}).encode())

    assert (got.status, got.json["name"], got.json["filename"]) == (200, "Göl.jpg", "Göl.jpg")


@pytest.mark.parametrize(
    ("body", "filename"),
    [
        ({"name": "photo.jpg", "filename": "new.jpg"}, "new.jpg"),
        ({"name": "new.jpg", "filename": "photo.jpg"}, "new.jpg"),
        ({"name": "photo.jpg", "filename": "photo.jpg", "collection": "lakes"}, "photo.jpg"),
        ({"name": "new.jpg", "filename": "new.jpg"}, "new.jpg"),
    ],
)
def test_a_record_that_is_sent_back_changes_what_was_changed_in_it(
    admin: Gateway, image_id: str, body: dict[str, str], filename: str
) -> None:
    got = admin.ask("PATCH", f"/images/{image_id}", json.dumps(body).encode())

    assert (got.status, got.json["filename"]) == (200, filename)


def test_two_different_new_names_are_refused(admin: Gateway, image_id: str) -> None:
    assert change(admin, image_id, name="one.jpg", filename="two.jpg") == 400
    assert admin.get(f"/images/{image_id}").json["filename"] == "photo.jpg"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"everything": False}, 400),
        ({"all": False}, 400),
        ({"image_id": UNKNOWN, "collection": "lakes"}, 400),
        ({"collection": "lakes", "all": True}, 400),
        ({"collection": ""}, 400),
        ({"collection": " ", "everything": True}, 400),
        ({"all": True}, 202),
        ({"everything": True}, 202),
        ({"collection": "lakes"}, 202),
    ],
)
def test_thumbnails_of_all_images_are_made_only_where_that_is_said(
    admin: Gateway, image_id: str, queue: MemoryQueue, body: dict[str, object], status: int
) -> None:
    assert admin.post("/thumbnails", json.dumps(body).encode()).status == status
    assert len(queue.messages) == (status == 202)
