from __future__ import annotations

import pytest

from chalicelib.errors import IllegalTransition, SourceGone, TaskNotFound
from chalicelib.tasks.model import Status, Task, TaskFilter
from chalicelib.tasks.retry import RetryFilter
from chalicelib.uploads.service import OnDuplicate, Upload
from tests.faults.oracle import judge
from tests.trouble import unavailable
from tests.world import Kill, World, a_png

ALL_FAILED = RetryFilter(TaskFilter(status=Status.FAILURE))
PICTURE = ("nature", a_png())


def a_failed_task(world: World, number: int = 0) -> Task:
    task = world.upload(a_png(number))
    world.bucket.trouble.at("before get", *unavailable(5))
    world.run_until_idle()
    return world.task(task)


def test_a_retry_is_a_new_task_for_the_same_file(world: World) -> None:
    failed = a_failed_task(world)
    again = world.services.retries.retry(failed.task_id)
    assert (again.task_id != failed.task_id, again.args["retry_of"]) == (True, failed.task_id)
    world.run_until_idle()
    assert world.statuses(failed, again) == [Status.FAILURE, Status.SUCCESS]
    judge(world, PICTURE)


def test_asking_twice_finds_the_same_retry(world: World) -> None:
    failed = a_failed_task(world)
    assert world.services.retries.retry(failed.task_id) == world.services.retries.retry(failed.task_id)
    world.run_until_idle()
    judge(world, PICTURE)


def test_a_retry_that_failed_may_be_retried_by_either_id(world: World) -> None:
    failed = a_failed_task(world)
    second = world.services.retries.retry(failed.task_id)
    world.bucket.trouble.at("before get", *unavailable(5))
    world.run_until_idle()
    third = world.services.retries.retry(failed.task_id)
    assert third == world.services.retries.retry(second.task_id)
    assert third.args["retry_of"] == second.task_id
    world.run_until_idle()
    judge(world, PICTURE)


def test_a_retry_of_what_has_become_good_is_that(world: World) -> None:
    failed = a_failed_task(world)
    again = world.services.retries.retry(failed.task_id)
    world.run_until_idle()
    assert world.services.retries.retry(failed.task_id) == world.task(again)


@pytest.mark.parametrize("ended", [True, False])
def test_what_has_not_ended_badly_is_not_retried(world: World, *, ended: bool) -> None:
    task = world.upload()
    if ended:
        world.run_until_idle()
    with pytest.raises(IllegalTransition):
        world.services.retries.retry(task.task_id)


def test_a_task_cancelled_before_it_began_may_be_retried(world: World) -> None:
    task = world.upload()
    world.services.tasks.cancel(task.task_id)
    world.run_until_idle()
    again = world.services.retries.retry(task.task_id)
    world.run_until_idle()
    assert world.statuses(again) == [Status.SUCCESS]
    judge(world, PICTURE)


def test_a_task_whose_file_is_gone_cannot_be_retried(world: World) -> None:
    failed = a_failed_task(world)
    world.bucket.lose(failed.args["source"])
    with pytest.raises(SourceGone):
        world.services.retries.retry(failed.task_id)


def test_a_task_that_is_not_there_cannot_be_retried(world: World) -> None:
    with pytest.raises(TaskNotFound):
        world.services.retries.retry("nobody")


def test_a_retry_keeps_what_was_asked_for(world: World) -> None:
    world.upload()
    world.run_until_idle()
    copy = world.upload(on_duplicate=OnDuplicate.COPY)
    world.bucket.trouble.at("before get", *unavailable(5))
    world.run_until_idle()
    world.services.retries.retry(copy.task_id)
    world.run_until_idle()
    judge(world, PICTURE, PICTURE)


def test_a_retry_whose_asker_died_before_the_message_was_sent_is_looked_after(world: World) -> None:
    failed = a_failed_task(world)
    world.queue.trouble.at("before send", Kill())
    with pytest.raises(Kill):
        world.services.retries.retry(failed.task_id)
    again = world.services.retries.retry(failed.task_id)
    world.rest()
    assert world.statuses(again) == [Status.SUCCESS]


def test_of_a_job_only_the_bad_children_are_tried_again(world: World) -> None:
    files = [Upload("nature", f"{number}.png", a_png(number)) for number in range(3)]
    parent = world.services.bulk.accept(files).parent
    world.deliver()
    world.services.tasks.cancel(parent.task_id)
    world.run_until_idle()
    again = world.services.retries.retry(parent.task_id)
    assert again.children == 2
    world.run_until_idle()
    assert world.statuses(parent, again) == [Status.PARTIAL, Status.SUCCESS]
    judge(world, *[("nature", a_png(number)) for number in range(3)])


def test_all_that_match_are_tried_again_a_page_at_a_time(world: World) -> None:
    failed = [a_failed_task(world, number) for number in range(3)]
    world.bucket.lose(failed[0].args["source"])
    first = world.services.retries.retry_all(ALL_FAILED, 2, None)
    second = world.services.retries.retry_all(ALL_FAILED, 2, first.next_cursor)
    olds = {old.task_id for old, _ in (*first.items, *second.items)}
    assert olds == {task.task_id for task in failed[1:]}
    world.run_until_idle()
    judge(world, ("nature", a_png(1)), ("nature", a_png(2)))
