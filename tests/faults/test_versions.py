"""F51: a deploy is never everywhere at once. Old messages are kept as files, as they were written at their time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib import json_formats
from chalicelib.json_formats import READERS, SCHEMA_VERSION, ObjectCreated, UnknownMessage, Work, read, write
from chalicelib.tasks.model import Status
from tests.faults.oracle import judge
from tests.memory_queue import MAX_RECEIVES
from tests.world import World, a_png

PICTURE = ("nature", a_png())
FILES = Path(__file__).with_name("messages")
TASK_ID = "0f6f3f4e-6a52-4d0e-9d0b-3f4d1c0a7c11"
ARRIVED = ObjectCreated(
    "media", "incoming/nature/a b.png", 1024, "0055AED6DCD90281E5", "d41d8cd98f00b204e9800998ecf8427e"
)
KEPT: Mapping[str, ObjectCreated | Work] = {
    # what each means, for ever: queues and dead letters keep messages for 14 days
    "v1-work.json": Work(TASK_ID),
    "v1-work-with-part.json": Work(TASK_ID, 3),
    "s3-2.0.json": ObjectCreated("media", ARRIVED.key, 1024, "", ARRIVED.etag),
    "s3-2.1.json": ARRIVED,
    "s3-2.2.json": replace(ARRIVED, version="096fKKXTRTtl3on89fVO.nfljtsv6qko"),
    "s3-2.4.json": ARRIVED,
}


@pytest.mark.parametrize("name", KEPT)
def test_f51_a_message_of_any_version_is_read_as_it_was_meant(name: str) -> None:
    assert read((FILES / name).read_text()) == (KEPT[name],)


def test_f51_every_kept_message_has_a_meaning() -> None:
    assert {path.name for path in FILES.iterdir()} == KEPT.keys()


def test_f51_what_we_write_is_what_is_kept_of_this_version() -> None:
    written = {write(kept) for kept in KEPT.values() if isinstance(kept, Work)}
    assert written == {path.read_text().strip() for path in FILES.glob(f"v{SCHEMA_VERSION}-*.json")}
    assert SCHEMA_VERSION in READERS


@pytest.fixture
def news(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Undone, what it has patched makes the worker an old one again."""
    return monkeypatch


def become_new(patch: pytest.MonkeyPatch) -> None:
    """From now on this worker is of the next release: it reads version 2, and still 1."""

    def second(message: Mapping[str, Any]) -> Work:
        return Work(message["work"]["task"])

    patch.setattr(json_formats, "READERS", {**READERS, 2: second})


def in_version_2(task_id: str) -> str:
    return f'{{"schema_version": 2, "work": {{"task": "{task_id}"}}}}'


@pytest.mark.parametrize("tries", range(1, MAX_RECEIVES))
def test_f51_a_newer_message_waits_for_a_newer_worker(world: World, news: pytest.MonkeyPatch, tries: int) -> None:
    task = world.upload()
    world.queue.messages.clear()
    world.queue.send(in_version_2(task.task_id))
    for _ in range(tries):
        assert isinstance(world.deliver(), UnknownMessage)
        world.queue.wait_for_next()
    assert world.statuses(task) == [Status.PENDING]
    become_new(news)
    world.rest()
    assert (world.task(task).status, world.task(task).attempts) == (Status.SUCCESS, 1)
    judge(world, PICTURE)


def test_f51_old_and_new_workers_side_by_side_lose_nothing(world: World, news: pytest.MonkeyPatch) -> None:
    wanted = [("nature", a_png(number)) for number in range(8)]
    tasks = [world.upload(body) for _, body in wanted]
    world.queue.messages.clear()
    for number, task in enumerate(tasks):
        world.queue.send(in_version_2(task.task_id) if number % 2 else write(Work(task.task_id)))
    for turn in range(10 * MAX_RECEIVES * len(tasks)):
        message = world.queue.receive()
        if message is None:
            if not world.queue.wait_for_next():
                break
            continue
        # Whoever asks first gets the message; two of three workers are old ones.
        with news.context() as patch:
            if turn % 3 == 0:
                become_new(patch)
            world.deliver(message)
    become_new(news)
    world.services.dead_letters.redrive("images", 50)
    world.rest()
    judge(world, *wanted)
