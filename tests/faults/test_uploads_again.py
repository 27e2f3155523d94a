"""F05, F16, F23, F27, F34, F61: the same thing twice, at once, over one another, or long forgotten by its queue."""

from __future__ import annotations

from functools import partial

import pytest

from chalicelib.json_formats import Work, write
from chalicelib.tasks.model import ChildCounts, Status, Task
from chalicelib.tasks.worker import FAILPOINTS
from chalicelib.uploads.service import Upload
from tests.faults.oracle import images_of, judge, tasks_of
from tests.faults.quick import together
from tests.memory_queue import VISIBILITY
from tests.trouble import unavailable
from tests.world import Kill, World, a_png

PICTURE = ("nature", a_png())
OLD, NEW = a_png(1), a_png(2)
OF_AN_ADOPTED_OBJECT = tuple(name for name in FAILPOINTS if name != "after_cleanup")
"""What another tool has dropped stays where it is."""


@pytest.mark.parametrize("checkpoint", OF_AN_ADOPTED_OBJECT)
def test_f05_an_object_that_is_overwritten_is_read_whole_in_one_version(world: World, checkpoint: str) -> None:
    world.drop("incoming/nature/a.png", OLD)
    world.when(checkpoint, lambda: world.drop("incoming/nature/a.png", NEW))
    world.rest()
    # Whenever the key is written again, each version that was accepted becomes an image.
    judge(world, ("nature", NEW), ("nature", OLD))


def test_f16_a_message_that_comes_back_while_its_run_works_has_one_effect(world: World) -> None:
    task = world.upload()

    def come_back() -> None:
        world.clock.move(VISIBILITY)
        world.deliver()

    world.when("after_engine", come_back)
    world.rest()
    assert world.statuses(task) == [Status.SUCCESS]
    judge(world, PICTURE)


@pytest.mark.parametrize("checkpoint", [None, *FAILPOINTS])
def test_f23_a_task_whose_message_is_lost_for_ever_ends_all_the_same(world: World, checkpoint: str | None) -> None:
    task = world.upload()
    if checkpoint:
        world.kill_at(checkpoint)
        assert isinstance(world.deliver(), Kill)
    world.queue.messages.clear()
    world.rest()
    assert world.statuses(task) == [Status.SUCCESS]
    judge_but_for_what_nobody_tidies(world)


def judge_but_for_what_nobody_tidies(world: World) -> None:
    """Without its message nobody comes back to a task that has ended: its upload is left to the bucket's lifecycle."""
    world.bucket.lose(*world.bucket.under("incoming/"))
    judge(world, PICTURE)


@pytest.mark.parametrize("clients", [2, 8])
def test_f27_a_request_that_is_repeated_is_one_task(world: World, clients: int) -> None:
    upload = Upload("nature", "a.png", a_png())
    send = partial(world.services.uploads.accept, upload, owner="ann", key="k1")
    answers = together(*[send] * clients)
    assert len({str(answer) for answer in answers}) == 1
    world.rest()
    assert len(tasks_of(world)) == 1
    assert str(send().task) == str(tasks_of(world)[0])
    judge(world, PICTURE)


@pytest.mark.parametrize("moment", ["before put", "after put"])
def test_f27_a_request_that_died_is_taken_up_where_it_was(world: World, moment: str) -> None:
    send = partial(world.services.uploads.accept, Upload("nature", "a.png", a_png()), owner="ann", key="k1")
    world.bucket.trouble.at(moment, Kill())
    with pytest.raises(Kill):
        send()
    send()
    world.rest()
    assert [task.status for task in tasks_of(world)] == [Status.SUCCESS]
    judge(world, PICTURE)


def a_family(world: World, size: int = 3) -> tuple[Task, list[Task]]:
    files = [Upload("nature", f"{number}.png", a_png(number)) for number in range(size)]
    batch = world.services.bulk.accept(files)
    return batch.parent, [world.task(item.task_id) for item in batch.items]


def test_f34_children_that_end_in_every_way_add_up(world: World) -> None:
    parent, (fails, dies, stops, succeeds) = a_family(world, 4)
    world.queue.messages.clear()
    world.services.tasks.cancel(stops.task_id)
    world.queue.receive_too_often(write(Work(dies.task_id)))
    world.services.dead_letters.fail_tasks(9)
    world.queue.send(write(Work(fails.task_id)))
    world.bucket.trouble.at("before get", *unavailable(5))
    world.run_until_idle()
    assert world.statuses(parent) == [Status.STARTED]
    for _ in range(3):
        world.queue.send(write(Work(succeeds.task_id)))
    world.rest()
    assert world.services.state.tasks.child_counts(parent.task_id) == ChildCounts(succeeded=1, failed=2, cancelled=1)
    assert world.statuses(parent) == [Status.PARTIAL]
    judge(world, ("nature", a_png(3)))


@pytest.mark.parametrize("checkpoint", FAILPOINTS)
def test_f34_a_child_that_is_done_twice_counts_once(world: World, checkpoint: str) -> None:
    world.copies = 2
    parent, _ = a_family(world)
    world.kill_at(checkpoint, attempt=3)
    world.rest()
    assert (world.task(parent).status, world.task(parent).version) == (Status.SUCCESS, parent.version + 1)
    judge(world, *(("nature", a_png(number)) for number in range(3)))


def test_f61_what_we_have_made_ourselves_is_no_upload(world: World) -> None:
    world.upload()
    world.rest()
    made = [key for key in world.bucket.blobs if not key.startswith("incoming/")]
    before = (images_of(world), tasks_of(world))
    for key in (*made, "quarantine/x/1/0.png", "exports/a.png", "incoming/", "incoming/nature/"):
        world.announce(key)
    world.rest()
    assert (images_of(world), tasks_of(world)) == before
    judge(world, PICTURE)
