from __future__ import annotations

import pytest

from chalicelib.core.messages import Work, write
from chalicelib.core.tasks import Status, Task
from chalicelib.errors import Unavailable
from tests.faults.oracle import judge
from tests.trouble import unavailable
from tests.world import World, a_png

PICTURE = ("nature", a_png())


def bury_the_message_of(world: World, task: Task) -> None:
    world.queue.messages.clear()
    world.queue.bury(write(Work(task.task_id)), reason="")


def test_a_dead_letter_shows_its_task_and_its_reason(world: World) -> None:
    task = world.upload()
    world.bucket.trouble.at("before get", *unavailable(5))
    world.settle()
    (found,) = world.wired.burials.found("images", 9)
    assert (found.task, found.reason) == (world.task(task), "unavailable")


def test_a_letter_that_nobody_can_read_is_shown_too(world: World) -> None:
    world.queue.bury("hello", reason="")
    (found,) = world.wired.burials.found("images", 9)
    assert (found.task, found.reason) == (None, "received too often")


def test_a_task_whose_message_has_died_is_told(world: World) -> None:
    task = world.upload()
    bury_the_message_of(world, task)
    assert world.wired.burials.tell(9) == 1
    error = world.task(task).error
    assert error is not None
    assert error.code == "dead_letter"
    assert world.wired.burials.tell(9) == 0


def test_a_task_that_a_worker_holds_is_not_told(world: World) -> None:
    task = world.upload()
    world.wired.attempts.begin(task.task_id, "run-1")
    bury_the_message_of(world, task)
    assert world.wired.burials.tell(9) == 0
    assert world.statuses(task) == [Status.STARTED]


def test_a_dead_letter_is_brought_back_to_work(world: World) -> None:
    task = world.upload()
    bury_the_message_of(world, task)
    (again,) = world.wired.burials.redrive("images", 9)
    assert world.queue.letters == []
    world.settle()
    assert world.statuses(again) == [Status.SUCCESS]
    judge(world, PICTURE)


def test_f22_a_dead_letter_of_a_finished_task_is_only_removed(world: World) -> None:
    task = world.upload()
    world.settle()
    bury_the_message_of(world, task)
    before = world.task(task)
    assert world.wired.burials.redrive("images", 9) == ()
    world.settle()
    assert (world.task(task), world.queue.letters) == (before, [])
    judge(world, PICTURE)


def test_letters_that_cannot_be_helped_stay(world: World) -> None:
    task = world.upload()
    bury_the_message_of(world, task)
    world.bucket.delete(task.args["source"])
    world.queue.bury("hello", reason="")
    assert world.wired.burials.redrive("images", 9) == ()
    assert len(world.queue.letters) == 2


def test_a_redrive_that_cannot_be_sent_loses_no_letter(world: World) -> None:
    task = world.upload()
    bury_the_message_of(world, task)
    world.queue.trouble.at("before send", *unavailable())
    with pytest.raises(Unavailable):
        world.wired.burials.redrive("images", 9)
    assert len(world.queue.letters) == 1
    (again,) = world.wired.burials.redrive("images", 9)
    world.settle()
    assert world.statuses(again) == [Status.SUCCESS]
