"""F41: the whole state store gone in the night: afterwards the history says why, and that nothing was taken away."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib import events
from chalicelib.container import use
from chalicelib.container.adapters import State
from chalicelib.errors import Unavailable
from chalicelib.tasks.model import Status, Task, TaskFilter, TaskType
from tests.faults.outage import OutageWorld
from tests.maintenance_world import DAY, HOUR
from tests.memory_metrics import MemoryMetrics


@pytest.fixture
def world(state: State) -> OutageWorld:
    """An image, and thirty orphans that clean-up would take away."""
    world = OutageWorld(state)
    world.image(1)
    for number in range(30):
        world.orphan(number)
    world.clock.move(25 * HOUR)
    return world


def go_dark(world: OutageWorld) -> None:
    world.outage.down = True


def drain(world: OutageWorld) -> None:
    """Every message, as often as it comes."""
    while world.queue.messages:
        message = world.queue.receive()
        if message is not None:
            world.deliver(message)
        elif not world.queue.wait_for_next():
            return


def look_after(world: OutageWorld) -> None:
    """The store is back, and the sweeper comes by."""
    world.outage.down = False
    world.clock.move(timedelta(minutes=40))
    use(world.services)
    events.sweep()
    use(None)
    world.run_until_idle()


def runs(world: OutageWorld) -> list[Task]:
    wanted = TaskFilter(type=TaskType.CLEANUP_ORPHANED_FILES)
    return list(world.services.state.tasks.history(wanted, 50).items)


def tick(world: OutageWorld) -> None:
    """EventBridge calls the clean-up's function."""
    use(world.services)
    try:
        events.start_schedule("cleanup_orphaned_files", world.clock.now().replace(hour=0).isoformat())
    finally:
        use(None)


@pytest.mark.parametrize("moment", ["before its first look", "in the middle"])
def test_f41_a_run_whose_store_went_away_says_so_and_has_taken_nothing(world: OutageWorld, moment: str) -> None:
    if moment == "in the middle":
        world.when("after_piece", lambda: go_dark(world), attempt=world.passed.count("after_claim") + 1)
    task = world.services.schedules.run("cleanup")
    world.outage.down = world.outage.down or moment == "before its first look"
    drain(world)
    assert world.outage.refused
    look_after(world)
    ended = world.task(task)
    assert (ended.status, ended.error and ended.error.code) == (Status.FAILURE, "unavailable")
    assert ended.error
    assert "nothing is removed" in ended.error.message
    assert (ended.result or {}).get("quarantined", 0) == 0
    assert len(world.bucket.under("originals/orphan")) == 30
    assert world.bucket.under("quarantine/") == []


def test_its_dead_letter_is_counted_says_why_and_brings_it_back(world: OutageWorld) -> None:
    world.services.schedules.run("cleanup")
    go_dark(world)
    drain(world)
    assert [letter.reason for letter in world.queue.dead_letters(10)] == ["unavailable"]
    assert isinstance(world.services.metrics, MemoryMetrics)
    assert world.services.metrics.total("DeadLetters") == 1
    look_after(world)
    world.clock.move(HOUR)
    world.services.dead_letters.redrive("maintenance", 10)
    world.run_until_idle()
    newest, _ = runs(world)
    assert (newest.status, newest.result and newest.result["quarantined"]) == (Status.SUCCESS, 30)


def test_a_short_outage_ends_well_and_is_told_in_the_report(world: OutageWorld) -> None:
    world.when("after_piece", lambda: go_dark(world), attempt=world.passed.count("after_claim") + 1)
    task = world.services.schedules.run("cleanup")
    world.deliver()
    world.outage.down = False
    world.clock.move(timedelta(minutes=5))
    ended = world.finish(task)
    assert (ended.status, ended.attempts) == (Status.SUCCESS, 2)
    assert ended.result
    assert (ended.result["interrupted"], ended.result["quarantined"]) == (1, 30)
    (why,) = ended.result["examples"]["interrupted"]  # type: ignore[index]  # a report's examples are lists of words
    assert "could not reach the state store" in why


def test_a_run_that_nobody_could_start_is_caught_up_and_says_that_it_is_late(world: OutageWorld) -> None:
    tick(world)
    world.run_until_idle()
    world.orphan(99)
    world.clock.move(DAY)
    go_dark(world)
    with pytest.raises(Unavailable):
        tick(world)
    world.outage.down = False
    world.clock.move(HOUR)
    (task,) = (one for one in world.services.schedules.catch_up() if one.type is TaskType.CLEANUP_ORPHANED_FILES)
    ended = world.finish(task)
    assert (ended.status, ended.result and ended.result["began_late"]) == (Status.SUCCESS, 1)
    assert ended.result
    assert "state store did not answer" in ended.result["examples"]["began_late"][0]  # type: ignore[index]  # as above


def test_a_fault_that_the_store_survived_is_told_by_its_own_name(world: OutageWorld) -> None:
    world.bucket.trouble.at("before delete", Unavailable("The bucket does not answer."))
    ended = world.run("cleanup")
    assert (ended.status, ended.result and ended.result["quarantined"]) == (Status.SUCCESS, 30)
    assert ended.result
    assert ended.result["examples"]["interrupted"] == ["unavailable: The bucket does not answer."]  # type: ignore[index]  # as above
