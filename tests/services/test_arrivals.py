from __future__ import annotations

import pytest

from chalicelib.core.messages import Arrival
from chalicelib.core.tasks import Status, Task, TaskFilter
from tests.faults.oracle import judge
from tests.naughty import HARMLESS
from tests.world import World, a_png


def history(world: World) -> tuple[Task, ...]:
    return world.wired.tasks.history(TaskFilter(), 100).items


def test_an_object_from_another_tool_is_catalogued(world: World) -> None:
    world.drop("incoming/nature/holiday/sea.png")
    world.settle()
    (task,) = history(world)
    assert (task.status, task.subject.collection, task.subject.filename) == (Status.SUCCESS, "nature", "sea.png")
    assert world.wired.state.catalog.named("nature", "sea.png").task_id == task.task_id


def test_an_object_without_a_folder_goes_to_the_default_collection(world: World) -> None:
    world.drop("incoming/a.png")
    world.settle()
    assert world.wired.delivery.collection("default").images == 1


def test_a_folder_that_cannot_be_a_collection_is_no_reason_to_lose_the_picture(world: World) -> None:
    world.drop("incoming/<b>/a.png")
    world.settle()
    assert world.wired.delivery.collection("default").images == 1


@pytest.mark.parametrize("name", HARMLESS)
def test_objects_of_any_name_are_catalogued(world: World, name: str) -> None:
    world.drop(f"incoming/nature/{name}")
    world.settle()
    (task,) = history(world)
    assert task.status is Status.SUCCESS
    assert task.subject.filename == name.rpartition("/")[2]


def test_the_object_of_another_tool_stays_where_it_was_put(world: World) -> None:
    world.drop("incoming/nature/a.png")
    world.settle()
    assert world.bucket.has("incoming/nature/a.png")


def test_each_announcement_of_one_version_finds_the_same_task(world: World) -> None:
    world.copies = 3
    world.drop("incoming/nature/a.png")
    world.settle()
    (task,) = history(world)
    assert (task.status, task.attempts) == (Status.SUCCESS, 1)


def test_a_key_that_is_written_again_is_another_picture(world: World) -> None:
    for number in range(2):
        world.drop("incoming/nature/a.png", a_png(number))
        world.settle()
    assert [task.status for task in history(world)] == [Status.SUCCESS] * 2
    assert world.wired.delivery.collection("nature").images == 2


@pytest.mark.parametrize("key", ["incoming/nature/", "incoming/", "renditions/i1/r1/300.jpg", "originals/i1/a.png"])
def test_what_is_no_upload_starts_nothing(world: World, key: str) -> None:
    world.announce(key)
    assert world.deliver() is None
    assert history(world) == ()


def test_our_own_key_finds_the_task_that_made_it(world: World) -> None:
    task = world.upload()
    assert world.wired.arrivals.task_id(Arrival("media", task.args["source"], 1, "01")) == task.task_id


def test_a_key_that_only_looks_like_ours_has_a_task_of_its_own(world: World) -> None:
    world.drop("incoming/nature/0f6f3f4e-6a52-4d0e-9d0b-3f4d1c0a7c11/a.png")
    world.settle()
    (task,) = history(world)
    assert (task.status, task.args.get("adopted")) == (Status.SUCCESS, "true")


def test_an_object_beside_an_upload_of_ours_is_not_lost(world: World) -> None:
    task = world.upload()
    world.drop(f"incoming/nature/{task.task_id}/other.png", a_png(1))
    world.settle()
    assert {(one.status, one.subject.filename) for one in history(world)} == {
        (Status.SUCCESS, "a.png"),
        (Status.SUCCESS, "other.png"),
    }
    assert world.wired.delivery.collection("nature").images == 2


def test_a_key_that_is_written_again_between_two_attempts_leaves_nothing_of_its_older_bytes(world: World) -> None:
    world.drop("incoming/nature/a.png", a_png(1))
    world.kill_at("after_put")
    world.deliver()
    world.queue.wait_for_next()
    world.bucket.announce = lambda _: None
    world.drop("incoming/nature/a.png", a_png(2))
    world.settle()
    judge(world, ("nature", a_png(2)))
