from __future__ import annotations

import json
import unicodedata

import pytest

from chalicelib.json_formats import UnknownMessage
from chalicelib.tasks.model import Status
from tests.faults.oracle import judge, tasks_of
from tests.memory_queue import MAX_RECEIVES
from tests.world import World, a_png

PICTURE = ("nature", a_png())


@pytest.mark.parametrize("copies", [2, 10])
def test_f01_the_same_event_many_times_makes_one_row(world: World, copies: int) -> None:
    world.copies = copies
    task = world.upload()
    world.rest()
    assert (world.task(task).status, world.task(task).attempts) == (Status.SUCCESS, 1)
    judge(world, PICTURE)


def test_f01_all_messages_three_times_and_shuffled(world: World) -> None:
    world.copies = 3
    wanted = [(("nature", "cars")[number % 2], a_png(number)) for number in range(6)]
    for collection, body in [*wanted, *wanted[:2]]:
        world.upload(body, collection=collection)
    world.rest()
    judge(world, *wanted)


@pytest.mark.parametrize("throttled", range(1, 8))
def test_deliveries_that_lambda_throttles_use_up_no_attempt(world: World, throttled: int) -> None:
    """Each throttled delivery is received and hidden, but no worker sees it; the fifth sends it to the dead letters."""
    task = world.upload()
    for _ in range(throttled):
        while world.queue.receive() is not None:
            pass
        assert world.task(task).attempts == 0
        world.queue.wait_for_next()

    world.rest()

    assert (world.task(task).status, world.task(task).attempts) == (Status.SUCCESS, 1)
    judge(world, PICTURE)


def test_f02_each_version_of_a_key_is_an_image_whatever_comes_first(world: World) -> None:
    world.drop("incoming/nature/a.png", a_png(1))
    world.drop("incoming/nature/a.png", a_png(2))
    world.rest()
    judge(world, ("nature", a_png(1)), ("nature", a_png(2)))


def test_f03_a_removal_that_is_told_first_changes_nothing(world: World) -> None:
    task = world.upload()
    world.announce(task.args["source"], name="ObjectRemoved:Delete")
    world.rest()
    judge(world, PICTURE)


def test_f03_a_creation_that_is_told_after_the_delete_raises_nothing_from_the_dead(world: World) -> None:
    world.drop("incoming/nature/a.png")
    world.bucket.lose("incoming/nature/a.png")
    world.rest()
    (task,) = tasks_of(world)
    assert (task.status, task.attempts, task.error and task.error.code) == (Status.FAILURE, 1, "source_gone")
    judge(world)


def test_f04_an_object_that_is_gone_is_a_failure_and_no_storm(world: World) -> None:
    task = world.upload()
    world.bucket.lose(task.args["source"])
    world.rest()
    failed = world.task(task)
    assert (failed.status, failed.error and failed.error.code) == (Status.FAILURE, "source_gone")
    assert failed.attempts == 1
    assert world.queue.letters == []
    judge(world)


def test_f06_the_event_that_s3_sends_at_set_up_is_worked_off(world: World) -> None:
    world.queue.send(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "media"}))
    assert world.deliver() is None
    assert tasks_of(world) == []


@pytest.mark.parametrize("body", ["hello", "{}", '{"schema_version": 2, "task_id": "t1"}', '{"Records": [{}]}'])
def test_f06_f19_what_nobody_understands_ends_among_the_dead_letters_and_hurts_nobody(world: World, body: str) -> None:
    world.queue.send(body)
    world.upload()
    message = next(message for message in world.queue.messages if message.body == body)
    assert isinstance(world.deliver(message), UnknownMessage)
    world.rest()
    assert [(letter.body, letter.receives) for letter in world.queue.letters] == [(body, MAX_RECEIVES)]
    judge(world, PICTURE)


KEYS = {
    "space": "a b.png",
    "plus": "a+b.png",
    "percent": "100%25.png",
    "composed": unicodedata.normalize("NFC", "günaydın.png"),  # noqa: RUF001  # Turkish, on purpose
    "decomposed": unicodedata.normalize("NFD", "günaydın.png"),  # noqa: RUF001
    "as long as S3 allows": "x" * (1024 - len("incoming/nature/")),
    "long and wide": "ş" * 500,
    "question": "a?b#c&d.png",
}


@pytest.mark.parametrize("name", KEYS.values(), ids=KEYS)
def test_f07_a_key_of_any_letters_is_found_again(world: World, name: str) -> None:
    world.drop(f"incoming/nature/{name}")
    world.rest()
    (task,) = tasks_of(world)
    assert (task.status, task.subject.filename, task.args["source"]) == (
        Status.SUCCESS,
        name,
        f"incoming/nature/{name}",
    )
    judge(world, PICTURE)
