from __future__ import annotations

from random import Random

import pytest

from chalicelib.core.messages import Work, write
from chalicelib.core.tasks import Status, TaskType
from chalicelib.core.tokens import Scope
from chalicelib.wiring import Wired
from tests.api.forms import a_file, upload
from tests.api.gateway import Gateway
from tests.api.house import a_jpeg, a_token, finish
from tests.memory_queue import MemoryQueue

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def queue(house: Wired) -> MemoryQueue:
    queue = MemoryQueue(house.clock, Random(1))
    house.queues = dict.fromkeys(TaskType, queue)
    return queue


def cancelled(client: Gateway) -> str:
    task_id: str = upload(client, a_file(a_jpeg()), async_="true").json["file"]["task_id"]
    client.post(f"/task/cancel/{task_id}")
    return task_id


def test_a_retry_is_a_new_task_for_the_same_file(admin: Gateway, house: Wired, queue: MemoryQueue) -> None:
    old = cancelled(admin)

    got = admin.post(f"/task/retry/{old}")
    again = admin.post(f"/task/retry/{old}")
    finish(house, got.json["task_id"])

    assert (got.status, got.json["task_id"]) == (202, again.json["task_id"])
    assert house.tasks.get(old).status is Status.REVOKED
    assert house.tasks.get(got.json["task_id"]).status is Status.SUCCESS


def test_what_went_well_cannot_be_retried(admin: Gateway, busy_house: Wired) -> None:
    task_id = upload(admin, a_file(a_jpeg())).json["task_ids"][0][1]

    got = admin.post(f"/task/retry/{task_id}")

    assert (got.status, got.json["details"]["status"]) == (409, "SUCCESS")
    assert admin.post(f"/task/retry/{UNKNOWN}").status == 404


def test_all_that_match_are_retried(admin: Gateway, house: Wired, queue: MemoryQueue) -> None:
    old = cancelled(admin)

    got = admin.post("/tasks/retry?state=REVOKED")

    assert [one["task_id"] for one in got.json["retried"]] == [old]


def test_dead_letters_are_seen_and_redriven(admin: Gateway, house: Wired, queue: MemoryQueue) -> None:
    task_id = upload(admin, a_file(a_jpeg()), async_="true").json["file"]["task_id"]
    queue.bury(write(Work(task_id)), reason="unavailable")

    (letter,) = admin.get("/queues/images/dead").json["letters"]
    redriven = admin.post("/queues/images/redrive")

    assert (letter["reason"], letter["task"]["task_id"]) == ("unavailable", task_id)
    assert house.tasks.get(task_id).status is Status.FAILURE
    assert [task["status"] for task in redriven.json["tasks"]] == ["PENDING"]
    assert admin.get("/queues/images/dead").json["letters"] == []


def test_every_queue_has_dead_letters_and_no_other_name_does(admin: Gateway, queue: MemoryQueue) -> None:
    queue.bury("hello", reason="")
    for name in ("images", "thumbnails", "maintenance"):
        (letter,) = admin.get(f"/queues/{name}/dead").json["letters"]
        assert (letter["body"], letter["reason"], letter["task"]) == ("hello", "received too often", None)
        redriven = admin.post(f"/queues/{name}/redrive").json
        assert redriven["tasks"] == []
        assert redriven["left"] == [{"message_id": letter["message_id"], "why": "unreadable"}]
    assert {admin.get("/queues/nothing/dead").status, admin.post("/queues/nothing/redrive").status} == {404}


def test_a_letter_that_cannot_be_read_is_shown_raw_and_removed(admin: Gateway, queue: MemoryQueue) -> None:
    raw = "{" + "x" * 5_000
    queue.bury(raw, reason="")
    (listed,) = admin.get("/queues/images/dead").json["letters"]
    place = f"/queues/images/dead/{listed['message_id']}"

    shown, removed = admin.get(place), admin.ask("DELETE", place)

    assert (listed["readable"], listed["bytes"], listed["body"]) == (False, 5_001, raw[:2_000])
    assert (shown.status, shown.json["body"]) == (200, raw)
    assert (removed.status, removed.json) == (200, shown.json)
    again = admin.ask("DELETE", place)
    assert (again.status, again.json["code"]) == (404, "dead_letter_not_found")
    assert admin.get("/queues/images/dead").json["letters"] == []
    (entry, *_) = admin.get("/audit").json["entries"]
    assert (entry["action"], entry["target"]) == ("remove_dead_letter", f"images {listed['message_id']}")


def test_the_message_of_a_dead_letter_is_for_administrators(admin: Gateway, house: Wired, queue: MemoryQueue) -> None:
    queue.bury("not ours", reason="")
    steering = Gateway(admin.app, authorization=a_token(house, Scope.TASKS))
    (letter,) = steering.get("/queues/images/dead").json["letters"]
    place = f"/queues/images/dead/{letter['message_id']}"

    assert letter["body"] is None
    assert (steering.get(place).status, steering.ask("DELETE", place).status) == (403, 403)
    assert len(queue.letters) == 1
