from __future__ import annotations

import pytest

from chalicelib.core.messages import Work, write
from chalicelib.core.tasks import Status, Task, TaskFilter
from chalicelib.errors import IllegalTransition, SourceGone, TaskNotFound, Unavailable
from chalicelib.services.uploads import OnDuplicate, Upload
from tests.faults.oracle import judge
from tests.trouble import unavailable
from tests.world import Kill, World, a_png

PICTURE = ("nature", a_png())


def a_failed_task(world: World, number: int = 0) -> Task:
    task = world.upload(a_png(number))
    world.bucket.trouble.at("before get", *unavailable(5))
    world.settle()
    return world.task(task)


def test_a_retry_is_a_new_task_for_the_same_file(world: World) -> None:
    failed = a_failed_task(world)
    again = world.wired.retries.retry(failed.task_id)
    assert (again.task_id != failed.task_id, again.args["retry_of"]) == (True, failed.task_id)
    world.settle()
    assert world.statuses(failed, again) == [Status.FAILURE, Status.SUCCESS]
    judge(world, PICTURE)


def test_asking_twice_finds_the_same_retry(world: World) -> None:
    failed = a_failed_task(world)
    assert world.wired.retries.retry(failed.task_id) == world.wired.retries.retry(failed.task_id)
    world.settle()
    judge(world, PICTURE)


def test_a_retry_that_failed_may_be_retried_by_either_id(world: World) -> None:
    failed = a_failed_task(world)
    second = world.wired.retries.retry(failed.task_id)
    world.bucket.trouble.at("before get", *unavailable(5))
    world.settle()
    third = world.wired.retries.retry(failed.task_id)
    assert third == world.wired.retries.retry(second.task_id)
    assert third.args["retry_of"] == second.task_id
    world.settle()
    judge(world, PICTURE)


def test_a_retry_of_what_has_become_good_is_that(world: World) -> None:
    failed = a_failed_task(world)
    again = world.wired.retries.retry(failed.task_id)
    world.settle()
    assert world.wired.retries.retry(failed.task_id) == world.task(again)


@pytest.mark.parametrize("ended", [True, False])
def test_what_has_not_ended_badly_is_not_retried(world: World, *, ended: bool) -> None:
    task = world.upload()
    if ended:
        world.settle()
    with pytest.raises(IllegalTransition):
        world.wired.retries.retry(task.task_id)


def test_a_task_cancelled_before_it_began_may_be_retried(world: World) -> None:
    task = world.upload()
    world.wired.tasks.cancel(task.task_id)
    world.settle()
    again = world.wired.retries.retry(task.task_id)
    world.settle()
    assert world.statuses(again) == [Status.SUCCESS]
    judge(world, PICTURE)


def test_a_task_whose_file_is_gone_cannot_be_retried(world: World) -> None:
    failed = a_failed_task(world)
    world.bucket.delete(failed.args["source"])
    with pytest.raises(SourceGone):
        world.wired.retries.retry(failed.task_id)


def test_a_task_that_is_not_there_cannot_be_retried(world: World) -> None:
    with pytest.raises(TaskNotFound):
        world.wired.retries.retry("nobody")


def test_a_retry_keeps_what_was_asked_for(world: World) -> None:
    world.upload()
    world.settle()
    copy = world.upload(on_duplicate=OnDuplicate.COPY)
    world.bucket.trouble.at("before get", *unavailable(5))
    world.settle()
    world.wired.retries.retry(copy.task_id)
    world.settle()
    judge(world, PICTURE, PICTURE)


def test_a_retry_whose_asker_died_before_the_message_was_sent_is_looked_after(world: World) -> None:
    failed = a_failed_task(world)
    world.queue.trouble.at("before send", Kill())
    with pytest.raises(Kill):
        world.wired.retries.retry(failed.task_id)
    again = world.wired.retries.retry(failed.task_id)
    world.rest()
    assert world.statuses(again) == [Status.SUCCESS]


def test_of_a_job_only_the_bad_children_are_tried_again(world: World) -> None:
    files = [Upload("nature", f"{number}.png", a_png(number)) for number in range(3)]
    parent = world.wired.bulk.accept(files).parent
    world.deliver()
    world.wired.tasks.cancel(parent.task_id)
    world.settle()
    again = world.wired.retries.retry(parent.task_id)
    assert again.children == 2
    world.settle()
    assert world.statuses(parent, again) == [Status.PARTIAL, Status.SUCCESS]
    judge(world, *[("nature", a_png(number)) for number in range(3)])


def test_all_that_match_are_tried_again_a_page_at_a_time(world: World) -> None:
    failed = [a_failed_task(world, number) for number in range(3)]
    world.bucket.delete(failed[0].args["source"])
    first = world.wired.retries.retry_all(TaskFilter(status=Status.FAILURE), 2, None)
    second = world.wired.retries.retry_all(TaskFilter(status=Status.FAILURE), 2, first.next_cursor)
    olds = {old.task_id for old, _ in (*first.items, *second.items)}
    assert olds == {task.task_id for task in failed[1:]}
    world.settle()
    judge(world, ("nature", a_png(1)), ("nature", a_png(2)))


def bury_the_message_of(world: World, task: Task) -> None:
    world.queue.messages.clear()
    world.queue.bury(write(Work(task.task_id)), reason="")


def test_a_dead_letter_shows_its_task_and_its_reason(world: World) -> None:
    failed = a_failed_task(world)
    (found,) = world.wired.burials.found(9)
    assert (found.task, found.reason) == (failed, "unavailable")


def test_a_letter_that_nobody_can_read_is_shown_too(world: World) -> None:
    world.queue.bury("hello", reason="")
    (found,) = world.wired.burials.found(9)
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
    (again,) = world.wired.burials.redrive(9)
    assert world.queue.letters == []
    world.settle()
    assert world.statuses(again) == [Status.SUCCESS]
    judge(world, PICTURE)


def test_f22_a_dead_letter_of_a_finished_task_is_only_removed(world: World) -> None:
    task = world.upload()
    world.settle()
    bury_the_message_of(world, task)
    before = world.task(task)
    assert world.wired.burials.redrive(9) == ()
    world.settle()
    assert (world.task(task), world.queue.letters) == (before, [])
    judge(world, PICTURE)


def test_letters_that_cannot_be_helped_stay(world: World) -> None:
    task = world.upload()
    bury_the_message_of(world, task)
    world.bucket.delete(task.args["source"])
    world.queue.bury("hello", reason="")
    assert world.wired.burials.redrive(9) == ()
    assert len(world.queue.letters) == 2


def test_a_redrive_that_cannot_be_sent_loses_no_letter(world: World) -> None:
    task = world.upload()
    bury_the_message_of(world, task)
    world.queue.trouble.at("before send", *unavailable())
    with pytest.raises(Unavailable):
        world.wired.burials.redrive(9)
    assert len(world.queue.letters) == 1
    (again,) = world.wired.burials.redrive(9)
    world.settle()
    assert world.statuses(again) == [Status.SUCCESS]
