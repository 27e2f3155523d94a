from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chalicelib.errors import TaskNotFound
from chalicelib.tasks.model import Status
from tests.builders import NOON, FrozenClock, a_final_task, a_task
from tests.world import World

PATIENCE = timedelta(seconds=20)


def test_a_task_that_has_ended_is_not_waited_for(world: World) -> None:
    world.services.state.tasks.add(a_final_task())
    assert world.services.tasks.wait("t1", PATIENCE) == a_final_task()
    assert world.clock.now() == NOON


def test_patience_ends_exactly_and_shows_the_task_as_it_is(world: World) -> None:
    world.services.state.tasks.add(a_task())
    assert world.services.tasks.wait("t1", PATIENCE) == a_task()
    assert world.clock.now() == NOON + PATIENCE


@pytest.mark.parametrize("patience", [timedelta(0), timedelta(seconds=-1)])
def test_without_patience_there_is_one_look(world: World, patience: timedelta) -> None:
    world.services.state.tasks.add(a_task())
    assert world.services.tasks.wait("t1", patience) == a_task()
    assert world.clock.now() == NOON


class BusyClock(FrozenClock):
    """While somebody sleeps on it, something happens."""

    def __init__(self, happens: Callable[[datetime], object] = lambda _: None) -> None:
        super().__init__()
        self.sleeps: list[float] = []
        self._happens = happens

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        super().sleep(seconds)
        self._happens(self.now())


def test_an_end_is_seen_soon_after_it_comes(world: World) -> None:
    task = world.upload()

    def work(now: datetime) -> None:
        if now >= NOON + timedelta(seconds=5) and world.queue.messages:
            world.deliver()

    clock = BusyClock(work)
    seen = replace(world.services.tasks, clock=clock).wait(task.task_id, PATIENCE)
    assert seen.status is Status.SUCCESS
    assert clock.now() - NOON < timedelta(seconds=6)


def test_a_long_wait_does_not_look_too_often(world: World) -> None:
    world.services.state.tasks.add(a_task())
    clock = BusyClock()
    replace(world.services.tasks, clock=clock).wait("t1", PATIENCE)
    assert len(clock.sleeps) < 50
    assert max(clock.sleeps) <= 0.5


def test_nobody_waits_for_what_is_not_there(world: World) -> None:
    for look in (world.services.tasks.get, lambda task_id: world.services.tasks.wait(task_id, PATIENCE)):
        with pytest.raises(TaskNotFound):
            look("nobody")
