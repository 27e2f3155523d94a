from __future__ import annotations

import json
from datetime import timedelta

import pytest

from chalicelib.container import Container
from tests.http.forms import a_file, upload
from tests.http.gateway import Gateway
from tests.http.memory_service import a_jpeg
from tests.memory_admin import MemoryMetricsReader, MemoryQueueAdmin
from tests.memory_queue import MemoryQueue


def images_of(services: Container) -> MemoryQueue:
    lane = services.queue_admins["images"]
    assert isinstance(lane, MemoryQueueAdmin)
    return lane.queue


def purge(admin: Gateway, name: str, confirm: str) -> int:
    body = json.dumps({"confirm": confirm}).encode()
    return admin.post(f"/queues/{name}/purge", body, Content_Type="application/json").status


def test_each_queue_tells_how_full_it_is(admin: Gateway, services: Container) -> None:
    queue = images_of(services)
    queue.publish_dead_letter("{}", reason="unknown_message")
    queue.send("taken")
    queue.receive()
    queue.send("now")
    queue.send("later", delay=timedelta(minutes=3))

    by_name = {one["name"]: one for one in admin.get("/queues").json["queues"]}

    assert list(by_name) == ["images", "thumbnails", "maintenance", "optimizer"]
    assert by_name["images"] == {
        "name": "images",
        "waiting": 1,
        "in_flight": 1,
        "delayed": 1,
        "oldest_age_seconds": None,
        "dead": 1,
        "paused": False,
    }


def test_the_age_of_the_oldest_is_told_where_it_is_measured(admin: Gateway, services: Container) -> None:
    services.metrics_reader = MemoryMetricsReader(ages={"images": 41.0})

    by_name = {one["name"]: one["oldest_age_seconds"] for one in admin.get("/queues").json["queues"]}

    assert by_name == {"images": 41.0, "thumbnails": None, "maintenance": None, "optimizer": None}


def test_a_queue_is_paused_and_goes_on(admin: Gateway) -> None:
    paused = [admin.post(f"/queues/images/{verb}").json["paused"] for verb in ("pause", "pause", "resume", "resume")]

    assert paused == [True, True, False, False]


def test_pausing_one_queue_leaves_the_others(admin: Gateway) -> None:
    admin.post("/queues/thumbnails/pause")

    assert [one["paused"] for one in admin.get("/queues").json["queues"]] == [False, True, False, False]


def test_a_queue_is_emptied_by_whoever_names_it_again(admin: Gateway, services: Container) -> None:
    images_of(services).send("{}")

    assert purge(admin, "images", "images") == 200
    assert images_of(services).messages == []


def test_a_purge_tells_what_it_has_taken_and_left(admin: Gateway, services: Container) -> None:
    queue = images_of(services)
    upload(admin, a_file(a_jpeg()), async_="true")
    queue.receive_too_often("not ours")
    queue.messages.clear()
    queue.send("now")
    queue.send("later", delay=timedelta(minutes=3))

    body = admin.post("/queues/images/purge", b'{"confirm": "images"}', Content_Type="application/json").json

    assert (body["removed"], body["waiting"]) == (2, 0)
    assert (body["tasks_left"], body["dead_letters_left"]) == (1, 1)


@pytest.mark.parametrize("confirm", ["", "thumbnails", "Images", "images "])
def test_a_queue_is_not_emptied_by_mistake(admin: Gateway, services: Container, confirm: str) -> None:
    images_of(services).send("{}")

    assert purge(admin, "images", confirm) == 400
    assert len(images_of(services).messages) == 1


@pytest.mark.parametrize("verb", ["pause", "resume", "purge"])
def test_a_queue_that_is_not_there_is_not_found(admin: Gateway, verb: str) -> None:
    body = b'{"confirm": "nothing"}' if verb == "purge" else None
    got = admin.post(f"/queues/nothing/{verb}", body, Accept_Language="tr")

    assert (got.status, got.json["message"]) == (
        404,
        "Bu adda bir kuyruk yok. Kuyruklar: images, maintenance, optimizer, thumbnails.",
    )
