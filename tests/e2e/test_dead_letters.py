"""Dead letters of every queue, with no more rights than the functions have: seen, told by the sweeper, driven back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import pytest

from tests.e2e.client import Json, Wallify, a_key, eventually, told
from tests.e2e.conftest import Cloud
from tests.e2e.photos import a_small_photo

pytestmark = pytest.mark.e2e

LANES = ("images", "thumbnails", "maintenance")


@pytest.fixture
def buried(cloud: Cloud) -> Iterator[Cloud]:
    """The cloud; what lies among its dead letters afterwards is thrown away."""
    yield cloud
    for lane in LANES:
        cloud.aws("sqs").purge_queue(QueueUrl=dead_url(cloud, lane))


def test_tasks_of_dead_letters_are_told_whatever_queue_they_lie_in(
    buried: Cloud, wallify: Wallify, collection: str
) -> None:
    drafts = {lane: a_draft(wallify, collection) for lane in LANES}
    for lane, task_id in drafts.items():
        add_dead_letter(buried, lane, task_id)
    for lane, task_id in drafts.items():
        ended = wallify.ended(task_id)
        assert (ended["status"], ended["error"]["code"]) == ("FAILURE", "dead_letter")
        looks = [eventually(partial(letter_of, wallify, lane, task_id), f"the letter in {lane} is shown") for _ in "12"]
        assert [letter["reason"] for letter in looks] == ["dead_letter", "dead_letter"]


@pytest.mark.parametrize("lane", LANES)
def test_a_dead_letter_of_finished_work_is_only_removed(
    buried: Cloud, wallify: Wallify, collection: str, lane: str
) -> None:
    image = wallify.published(a_small_photo(), collection=collection)
    (task,) = told(wallify.http.get("/tasks", params={"collection": collection}), 200)["tasks"]
    add_dead_letter(buried, lane, task["task_id"])
    redriven = eventually(lambda: removed(buried, wallify, lane), f"the letter in {lane} is driven back")
    assert redriven["tasks"] == []
    assert [row["image_id"] for row in wallify.images(collection)] == [image["image_id"]]


@pytest.mark.parametrize("lane", LANES)
def test_a_dead_letter_that_cannot_be_read_is_seen_whole_and_removed(
    buried: Cloud, wallify: Wallify, lane: str
) -> None:
    buried.aws("sqs").send_message(QueueUrl=dead_url(buried, lane), MessageBody="no message of ours")
    letter = eventually(lambda: unreadable_in(wallify, lane), f"the letter in {lane} is shown")
    place = f"/queues/{lane}/dead/{letter['message_id']}"
    # The sweeper holds letters for a moment, once a minute.
    shown = eventually(lambda: told_if_there(wallify, "GET", place), "the letter is shown by itself")
    assert shown["body"] == "no message of ours"
    assert eventually(lambda: told_if_there(wallify, "DELETE", place), "the letter is removed") == shown
    assert wallify.http.get(place).status_code == 404


def unreadable_in(wallify: Wallify, lane: str) -> Json | None:
    shown = told(wallify.http.get(f"/queues/{lane}/dead"), 200)["letters"]
    return next((letter for letter in shown if not letter["readable"]), None)


def told_if_there(wallify: Wallify, method: str, place: str) -> Json | None:
    answer = wallify.http.request(method, place)
    return None if answer.status_code == 404 else told(answer, 200)


def a_draft(wallify: Wallify, collection: str) -> str:
    """A task that waits for a file which never comes."""
    ahead = {"filename": "a.jpg", "content_type": "image/jpeg", "collection": collection}
    (ticket,) = told(wallify.http.post("/uploads", headers=a_key(), json=ahead), 201)["uploads"]
    return str(ticket["task_id"])


def add_dead_letter(cloud: Cloud, lane: str, task_id: str) -> None:
    """As SQS does with a message that was received too often."""
    message = json.dumps({"schema_version": 1, "task_id": task_id})
    cloud.aws("sqs").send_message(QueueUrl=dead_url(cloud, lane), MessageBody=message)


def letter_of(wallify: Wallify, lane: str, task_id: str) -> Json | None:
    """The one about this task, among those that other tests may have left."""
    shown = told(wallify.http.get(f"/queues/{lane}/dead"), 200)["letters"]
    return next((letter for letter in shown if letter["task"] and letter["task"]["task_id"] == task_id), None)


def removed(cloud: Cloud, wallify: Wallify, lane: str) -> Json | None:
    """The answer of a redrive after which nothing is left; None where a look of the sweeper hid something."""
    answer = told(wallify.http.post(f"/queues/{lane}/redrive"), 202)
    known = cloud.aws("sqs").get_queue_attributes(QueueUrl=dead_url(cloud, lane), AttributeNames=["All"])["Attributes"]
    left = int(known["ApproximateNumberOfMessages"]) + int(known["ApproximateNumberOfMessagesNotVisible"])
    return None if left else answer


def dead_url(cloud: Cloud, lane: str) -> str:
    name = cloud.outputs[f"{lane.capitalize()}QueueName"]
    url: str = cloud.aws("sqs").get_queue_url(QueueName=f"{name}-dead")["QueueUrl"]
    return url
