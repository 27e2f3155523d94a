from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.errors import DeadLetterNotFound, Unavailable
from chalicelib.json_formats import Work, write
from chalicelib.tasks.model import Status, Task
from tests.faults.oracle import judge
from tests.trouble import unavailable
from tests.world import World, a_png

PICTURE = ("nature", a_png())


def dead_letter_the_message_of(world: World, task: Task) -> None:
    world.queue.messages.clear()
    world.queue.receive_too_often(write(Work(task.task_id)))


def test_a_dead_letter_shows_its_task_and_its_reason(world: World) -> None:
    task = world.upload()
    world.bucket.trouble.at("before get", *unavailable(5))
    world.run_until_idle()
    (found,) = world.services.dead_letters.list_letters("images", 9)
    assert (found.task, found.reason) == (world.task(task), "unavailable")


def test_a_letter_that_nobody_can_read_is_shown_too(world: World) -> None:
    world.queue.receive_too_often("hello")
    (found,) = world.services.dead_letters.list_letters("images", 9)
    assert (found.task, found.reason) == (None, "received too often")


def test_a_task_whose_message_has_died_is_told(world: World) -> None:
    task = world.upload()
    dead_letter_the_message_of(world, task)
    assert world.services.dead_letters.fail_tasks(9) == 1
    error = world.task(task).error
    assert error is not None
    assert error.code == "dead_letter"
    assert world.services.dead_letters.fail_tasks(9) == 0


def test_a_task_that_a_worker_holds_is_not_told(world: World) -> None:
    task = world.upload()
    world.services.leases.begin(task.task_id, "run-1")
    dead_letter_the_message_of(world, task)
    assert world.services.dead_letters.fail_tasks(9) == 0
    assert world.statuses(task) == [Status.STARTED]


def test_a_dead_letter_is_brought_back_to_work(world: World) -> None:
    task = world.upload()
    dead_letter_the_message_of(world, task)
    (again,) = world.services.dead_letters.redrive("images", 9).tasks
    assert world.queue.letters == []
    world.run_until_idle()
    assert world.statuses(again) == [Status.SUCCESS]
    judge(world, PICTURE)


def test_f22_a_dead_letter_of_a_finished_task_is_only_removed(world: World) -> None:
    task = world.upload()
    world.run_until_idle()
    dead_letter_the_message_of(world, task)
    before = world.task(task)
    assert world.services.dead_letters.redrive("images", 9).tasks == []
    world.run_until_idle()
    assert (world.task(task), world.queue.letters) == (before, [])
    judge(world, PICTURE)


def test_letters_that_cannot_be_helped_stay(world: World) -> None:
    task = world.upload()
    dead_letter_the_message_of(world, task)
    world.bucket.lose(task.args["source"])
    world.queue.receive_too_often("hello")
    world.queue.receive_too_often(write(Work("00000000-0000-4000-8000-000000000000")))
    done = world.services.dead_letters.redrive("images", 9)
    assert (done.tasks, [left.reason for left in done.not_redriven]) == ([], ["source_gone", "unreadable", "no_task"])
    assert len(world.queue.letters) == 3


def test_looking_hides_no_letter_from_the_next_look(world: World) -> None:
    dead_letter_the_message_of(world, world.upload())
    world.queue.receive_too_often("hello")
    looks = [world.services.dead_letters.list_letters("images", 9) for _ in range(2)]
    assert looks[0] == looks[1]
    world.services.dead_letters.redrive("images", 9)  # one letter goes, one stays
    assert [found.is_readable for found in world.services.dead_letters.list_letters("images", 9)] == [False]


UNREADABLE = "not a message of ours \N{SNOWMAN}"


def test_a_letter_that_cannot_be_read_is_shown_whole_and_removed(world: World) -> None:
    dead_letter_the_message_of(world, world.upload())
    world.queue.receive_too_often(UNREADABLE)
    (letter,) = [
        found.letter for found in world.services.dead_letters.list_letters("images", 9) if not found.is_readable
    ]
    dead_letters = world.services.dead_letters
    assert dead_letters.get("images", letter.message_id).letter.body == UNREADABLE
    assert dead_letters.remove("images", letter.message_id).letter == letter
    assert UNREADABLE not in [found.letter.body for found in dead_letters.list_letters("images", 9)]
    assert len(world.queue.letters) == 1
    with pytest.raises(DeadLetterNotFound):
        dead_letters.remove("images", letter.message_id)


def test_any_of_many_letters_is_found_and_the_others_stay_in_sight(world: World) -> None:
    for number in range(35):
        world.queue.receive_too_often(f"{number}")
    letters = world.services.dead_letters.list_letters("images", 50)
    assert world.services.dead_letters.remove("images", letters[33].letter.message_id).letter.body == "33"
    assert len(world.services.dead_letters.list_letters("images", 50)) == 34


def test_removing_the_letter_of_a_task_that_waits_ends_the_task(world: World) -> None:
    task = world.upload()
    dead_letter_the_message_of(world, task)
    (found,) = world.services.dead_letters.list_letters("images", 9)
    world.services.dead_letters.remove("images", found.letter.message_id)
    ended = world.task(task)
    assert (ended.status, ended.error and ended.error.code) == (Status.FAILURE, "dead_letter")
    assert world.queue.letters == []


def test_a_letter_that_another_reader_holds_is_not_redriven_twice(world: World) -> None:
    dead_letter_the_message_of(world, world.upload())
    held = world.queue.dead_letters(9, hold=timedelta(minutes=1))
    assert world.services.dead_letters.redrive("images", 9).tasks == []
    world.queue.release_dead_letters(held)
    assert len(world.services.dead_letters.redrive("images", 9).tasks) == 1


def test_a_redrive_that_cannot_be_sent_loses_no_letter(world: World) -> None:
    task = world.upload()
    dead_letter_the_message_of(world, task)
    world.queue.trouble.at("before send", *unavailable())
    with pytest.raises(Unavailable):
        world.services.dead_letters.redrive("images", 9)
    assert len(world.queue.letters) == 1
    (again,) = world.services.dead_letters.redrive("images", 9).tasks
    world.run_until_idle()
    assert world.statuses(again) == [Status.SUCCESS]
