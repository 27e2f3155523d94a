from __future__ import annotations

import pytest

from chalicelib.errors import IllegalTransition, TaskNotFound
from chalicelib.images.model import CollectionStats
from chalicelib.tasks.model import Status, Task
from chalicelib.tasks.worker import FAILPOINTS
from tests.builders import a_final_task
from tests.trouble import unavailable
from tests.world import World

BEFORE_THE_END = FAILPOINTS[: FAILPOINTS.index("after_publish")]


def cancel_when_passing(world: World, checkpoint: str, task: Task) -> None:
    world.when(checkpoint, lambda: world.services.tasks.cancel(task.task_id))


def nothing_is_left(world: World) -> bool:
    return not world.bucket.blobs and world.services.delivery.collection("nature") == CollectionStats("nature")


def test_a_waiting_task_is_revoked_at_once(world: World) -> None:
    task = world.upload()
    stopped = world.services.tasks.cancel(task.task_id)
    assert (stopped.status, stopped.cancel_requested) == (Status.REVOKED, True)
    assert stopped.finished_at == world.clock.now()


def test_a_task_that_was_cancelled_before_it_began_never_runs(world: World) -> None:
    task = world.upload()
    world.services.tasks.cancel(task.task_id)
    world.run_until_idle()
    assert world.passed == []
    assert (world.task(task).status, world.task(task).attempts) == (Status.REVOKED, 0)


@pytest.mark.parametrize("checkpoint", BEFORE_THE_END)
def test_a_running_task_stops_at_its_next_step_and_leaves_nothing(world: World, checkpoint: str) -> None:
    task = world.upload()
    cancel_when_passing(world, checkpoint, task)
    world.run_until_idle()
    assert world.statuses(task) == [Status.REVOKED]
    assert nothing_is_left(world)


def test_a_running_task_is_asked_and_answers_later(world: World) -> None:
    task = world.upload()
    world.services.leases.begin(task.task_id, "run-1")
    asked = world.services.tasks.cancel(task.task_id)
    assert (asked.status, asked.cancel_requested) == (Status.STARTED, True)


@pytest.mark.parametrize("checkpoint", ["after_publish", "after_cleanup"])
def test_a_task_that_has_just_succeeded_cannot_be_cancelled(world: World, checkpoint: str) -> None:
    task, heard = world.upload(), list[object]()

    def cancel() -> None:
        with pytest.raises(IllegalTransition) as refused:
            world.services.tasks.cancel(task.task_id)
        heard.append(refused.value.details["status"])

    world.when(checkpoint, cancel)
    world.run_until_idle()
    assert heard == [Status.SUCCESS]
    assert world.statuses(task) == [Status.SUCCESS]


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.PARTIAL, Status.FAILURE])
def test_a_task_that_has_ended_cannot_be_cancelled(world: World, status: Status) -> None:
    world.services.state.tasks.add(a_final_task(status=status))
    with pytest.raises(IllegalTransition) as refused:
        world.services.tasks.cancel("t1")
    assert (refused.value.status, refused.value.details["status"]) == (409, status)


def test_cancelling_twice_answers_the_same(world: World) -> None:
    waiting, running = world.upload(b"GIF89a-one"), world.upload(b"GIF89a-two")
    world.services.leases.begin(running.task_id, "run-1")
    for task in (waiting, running):
        assert world.services.tasks.cancel(task.task_id) == world.services.tasks.cancel(task.task_id)


def test_a_task_that_is_not_there_cannot_be_cancelled(world: World) -> None:
    with pytest.raises(TaskNotFound):
        world.services.tasks.cancel("nobody")


def test_a_task_that_waits_for_another_attempt_is_revoked_and_never_runs_again(world: World) -> None:
    task = world.upload()
    world.bucket.trouble.at("before get", *unavailable())
    world.deliver()
    assert world.statuses(task) == [Status.RETRY]
    assert world.services.tasks.cancel(task.task_id).status is Status.REVOKED
    world.run_until_idle()
    assert world.task(task).attempts == 1


def test_what_an_earlier_attempt_stored_goes_with_a_cancelled_task(world: World) -> None:
    task = world.upload()
    world.bucket.trouble.at("before put", None, *unavailable())
    world.deliver()
    assert world.statuses(task) == [Status.RETRY]
    assert world.bucket.under("originals/", "renditions/")
    world.services.tasks.cancel(task.task_id)
    world.run_until_idle()
    assert world.statuses(task) == [Status.REVOKED]
    assert world.bucket.under("originals/", "renditions/") == []


def test_a_wish_to_stop_outlives_the_worker_that_died(world: World) -> None:
    task = world.upload()
    world.kill_at("after_engine")
    world.deliver()
    world.services.tasks.cancel(task.task_id)
    world.run_until_idle()
    assert world.statuses(task) == [Status.REVOKED]
    assert nothing_is_left(world)


def test_a_cancelled_task_whose_objects_cannot_be_removed_yet_is_tried_again(world: World) -> None:
    task = world.upload()
    world.bucket.trouble.at("before delete", *unavailable(2))
    cancel_when_passing(world, "after_put", task)
    world.run_until_idle()
    assert world.statuses(task) == [Status.REVOKED]
    assert nothing_is_left(world)
