"""Everything stops at once and starts again, with tasks in every state there is: all end as they would have ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest

from chalicelib.tasks.lease import STORING
from chalicelib.tasks.model import Failure, Progress, Status, Task
from tests.faults.quick import Quick
from tests.sizes import share_of
from tests.world import World, a_png

FAULT = Failure("unavailable", "Try again shortly.", retryable=True)
DAMAGED = Failure("image_damaged", "The image is damaged or cut off.")


def a_task(world: World, number: int) -> Task:
    """A task whose file is there, and that was announced."""
    return world.upload(a_png(number), f"{number}.png")


def waiting(world: World, number: int) -> Task:
    return a_task(world, number)


def lost(world: World, number: int) -> Task:
    """Its message is gone."""
    task = a_task(world, number)
    world.queue.messages.pop()
    return task


def held(world: World, number: int) -> Task:
    """A worker has begun, and is gone with all others."""
    return world.services.leases.begin(a_task(world, number).task_id, "worker")


def storing(world: World, number: int) -> Task:
    """A worker of an earlier version has recorded that it stores the picture."""
    task = held(world, number)
    return world.services.state.tasks.replace(task, task.at_step(Progress(2, 3, STORING), world.clock.now()))


def retrying(world: World, number: int) -> Task:
    task = held(world, number)
    assert world.services.leases.retry(task, FAULT)
    return task


def stopping(world: World, number: int) -> Task:
    return world.services.tasks.cancel(held(world, number).task_id)


def cancelled(world: World, number: int) -> Task:
    return world.services.tasks.cancel(a_task(world, number).task_id)


def failed(world: World, number: int) -> Task:
    return world.services.leases.fail(held(world, number), DAMAGED)


def done(world: World, number: int) -> Task:
    task = a_task(world, number)
    final = world.services.worker.run(task.task_id, Quick(world))
    assert final is not None
    return final


ENDS: Mapping[Callable[[World, int], Task], Status] = {
    waiting: Status.SUCCESS,
    lost: Status.SUCCESS,
    held: Status.SUCCESS,
    storing: Status.SUCCESS,
    retrying: Status.SUCCESS,
    stopping: Status.REVOKED,
    cancelled: Status.REVOKED,
    failed: Status.FAILURE,
    done: Status.SUCCESS,
}


@pytest.mark.slow
def test_tasks_in_every_state_come_through_a_restart(world: World, request: pytest.FixtureRequest) -> None:
    many = share_of(1_000, request.node.callspec.params["state"])
    makers = [list(ENDS)[number % len(ENDS)] for number in range(many)]
    tasks = [make(world, number) for number, make in enumerate(makers)]
    final = {task.task_id: task for task in tasks if task.is_final}

    world.restart()
    world.services.process_image = Quick(world)
    world.rest()

    assert [world.task(task).status for task in tasks] == [ENDS[make] for make in makers]
    assert {task_id: world.task(task_id) for task_id in final} == final
    good = Counter(ENDS[make] for make in makers)[Status.SUCCESS]
    assert world.services.state.catalog.stats("nature").images == good
    assert world.queue.letters == []


@pytest.mark.parametrize("by", [timedelta(hours=-1), timedelta(hours=1)], ids=["back", "forth"])
def test_f50_a_clock_that_jumps_by_an_hour_loses_nothing_and_doubles_nothing(world: World, by: timedelta) -> None:
    makers = list(ENDS) * 2
    tasks = [make(world, number) for number, make in enumerate(makers)]

    world.clock.move(by)
    world.services.process_image = Quick(world)
    world.services.sweeper.sweep()
    world.rest()

    assert [world.task(task).status for task in tasks] == [ENDS[make] for make in makers]
    assert world.services.state.catalog.stats("nature").images == Counter(map(ENDS.get, makers))[Status.SUCCESS]
