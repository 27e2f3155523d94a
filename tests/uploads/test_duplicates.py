from __future__ import annotations

import pytest

from chalicelib.errors import DuplicateImage
from chalicelib.tasks.model import Status, Task, TaskFilter
from chalicelib.uploads.service import OnDuplicate, Upload
from tests.world import Kill, World, a_png


def images(world: World, collection: str = "nature") -> int:
    return world.services.delivery.collection(collection).images


def result(world: World, task: Task) -> tuple[object, object]:
    found = world.task(task).result
    assert found is not None
    return found["image_id"], found["duplicate"]


def test_the_same_bytes_again_are_answered_with_the_image_that_is_there(world: World) -> None:
    task = world.upload()
    world.run_until_idle()
    again = world.services.uploads.accept(Upload("nature", "other.png", a_png()))
    assert again.task == world.task(task)
    assert again.duplicate is not None
    assert again.duplicate.task_id == task.task_id


def test_the_same_bytes_in_another_collection_are_another_image(world: World) -> None:
    world.upload()
    world.run_until_idle()
    world.upload(collection="cars")
    world.run_until_idle()
    assert (images(world), images(world, "cars")) == (1, 1)


def test_of_the_same_bytes_under_way_twice_one_becomes_the_image_and_both_succeed(world: World) -> None:
    first, second = world.upload(), world.upload()
    world.run_until_idle()
    assert world.statuses(first, second) == [Status.SUCCESS] * 2
    (one, was_there), (other, was_there_too) = result(world, first), result(world, second)
    assert one == other
    assert {was_there, was_there_too} == {True, False}
    assert images(world) == 1


def test_a_duplicate_leaves_nothing_of_its_own(world: World) -> None:
    first, second = world.upload(), world.upload()
    world.run_until_idle()
    image_id, _ = result(world, first)
    assert {key.split("/")[1] for key in world.bucket.blobs} == {image_id}
    assert result(world, second)[0] == image_id


def test_the_same_bytes_that_win_the_race_in_the_middle_of_a_run_are_found(world: World) -> None:
    first, second = world.upload(), world.upload()
    world.when("after_put", world.deliver)
    world.deliver()
    assert sorted(result(world, task)[1] for task in (first, second)) == [False, True]  # type: ignore[type-var]  # booleans
    assert images(world) == 1


@pytest.mark.parametrize("checkpoint", ["after_engine", "after_put", "after_cleanup"])
def test_a_duplicate_whose_worker_dies_is_found_again(world: World, checkpoint: str) -> None:
    world.upload()
    second = world.upload()
    world.deliver()
    world.passed.clear()
    world.kill_at(checkpoint)
    assert isinstance(world.deliver(), Kill)
    world.run_until_idle()
    assert world.statuses(second) == [Status.SUCCESS]
    assert images(world) == 1


def test_a_copy_is_an_image_of_its_own(world: World) -> None:
    world.upload()
    world.run_until_idle()
    copy = world.upload(on_duplicate=OnDuplicate.COPY)
    world.run_until_idle()
    assert result(world, copy)[1] is False
    assert images(world) == 2


def test_copies_under_way_together_are_all_made(world: World) -> None:
    copies = [world.upload(on_duplicate=OnDuplicate.COPY) for _ in range(3)]
    world.run_until_idle()
    assert world.statuses(*copies) == [Status.SUCCESS] * 3
    assert len({result(world, copy)[0] for copy in copies}) == images(world) == 3


def test_where_duplicates_are_an_error_they_name_the_image(world: World) -> None:
    task = world.upload()
    world.run_until_idle()
    with pytest.raises(DuplicateImage) as twin:
        world.services.uploads.accept(Upload("nature", "b.png", a_png(), OnDuplicate.ERROR))
    assert twin.value.details == {"image_id": result(world, task)[0]}
    assert len(world.services.tasks.history(TaskFilter(), 9).items) == 1


def test_where_duplicates_are_an_error_a_twin_that_was_under_way_is_one_too(world: World) -> None:
    first, second = world.upload(), world.upload(on_duplicate=OnDuplicate.ERROR)
    world.deliver(next(message for message in world.queue.messages if first.task_id in message.body))
    world.run_until_idle()
    failed = world.task(second)
    assert failed.error is not None
    assert (failed.status, failed.attempts, failed.error.code) == (Status.FAILURE, 1, "duplicate_image")
    assert failed.error.details == {"image_id": result(world, first)[0]}
    assert images(world) == 1


def test_every_announcement_of_an_object_finds_the_one_task(world: World) -> None:
    world.copies = 3
    task = world.upload()
    world.run_until_idle()
    assert (world.task(task).status, world.task(task).attempts) == (Status.SUCCESS, 1)
    assert images(world) == 1


def test_an_announcement_that_comes_late_changes_nothing(world: World) -> None:
    task = world.upload()
    world.run_until_idle()
    before = world.task(task)
    world.announce(task.args["source"])
    world.run_until_idle()
    assert world.task(task) == before
    assert world.queue.letters == []


def test_pictures_that_differ_in_one_byte_are_two(world: World) -> None:
    for body in (a_png(), a_png() + b"\0"):
        world.upload(body)
    world.run_until_idle()
    assert images(world) == 2
