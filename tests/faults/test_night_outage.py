"""F41: the whole state store gone in the night: afterwards the history says why, and that nothing was taken away."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib import events
from chalicelib.container import use
from chalicelib.container.adapters import State
from chalicelib.errors import Unavailable
from chalicelib.tasks.model import Status, Task, TaskFilter, TaskType
from tests.faults.outage import DarkNight
from tests.maintenance_world import DAY, HOUR
from tests.memory_metrics import MemoryMetrics


@pytest.fixture
def night(state: State) -> DarkNight:
    """An image, and thirty orphans that clean-up would take away."""
    night = DarkNight(state)
    night.image(1)
    for number in range(30):
        night.orphan(number)
    night.clock.move(25 * HOUR)
    return night


def go_dark(night: DarkNight) -> None:
    night.outage.down = True


def drain(night: DarkNight) -> None:
    """Every message, as often as it comes."""
    while night.queue.messages:
        message = night.queue.receive()
        if message is not None:
            night.deliver(message)
        elif not night.queue.wait_for_next():
            return


def look_after(night: DarkNight) -> None:
    """The store is back, and the sweeper comes by."""
    night.outage.down = False
    night.clock.move(timedelta(minutes=40))
    use(night.services)
    events.sweep()
    use(None)
    night.run_until_idle()


def runs(night: DarkNight) -> list[Task]:
    wanted = TaskFilter(type=TaskType.CLEANUP_ORPHANED_FILES)
    return list(night.services.state.tasks.history(wanted, 50).items)


def tick(night: DarkNight) -> None:
    """EventBridge calls the clean-up's function."""
    use(night.services)
    try:
        events.start_schedule("cleanup_orphaned_files", night.clock.now().replace(hour=0).isoformat())
    finally:
        use(None)


@pytest.mark.parametrize("moment", ["before its first look", "in the middle"])
def test_f41_a_run_whose_store_went_away_says_so_and_has_taken_nothing(night: DarkNight, moment: str) -> None:
    if moment == "in the middle":
        night.when("after_piece", lambda: go_dark(night), attempt=night.passed.count("after_claim") + 1)
    task = night.services.schedules.run("cleanup")
    night.outage.down = night.outage.down or moment == "before its first look"
    drain(night)
    assert night.outage.refused
    look_after(night)
    ended = night.task(task)
    assert (ended.status, ended.error and ended.error.code) == (Status.FAILURE, "unavailable")
    assert ended.error
    assert "nothing is removed" in ended.error.message
    assert (ended.result or {}).get("quarantined", 0) == 0
    assert len(night.bucket.under("originals/orphan")) == 30
    assert night.bucket.under("quarantine/") == []


def test_its_dead_letter_is_counted_says_why_and_brings_it_back(night: DarkNight) -> None:
    night.services.schedules.run("cleanup")
    go_dark(night)
    drain(night)
    assert [letter.reason for letter in night.queue.dead_letters(10)] == ["unavailable"]
    assert isinstance(night.services.metrics, MemoryMetrics)
    assert night.services.metrics.total("DeadLetters") == 1
    look_after(night)
    night.clock.move(HOUR)
    night.services.dead_letters.redrive("maintenance", 10)
    night.run_until_idle()
    newest, _ = runs(night)
    assert (newest.status, newest.result and newest.result["quarantined"]) == (Status.SUCCESS, 30)


def test_a_short_outage_ends_well_and_is_told_in_the_report(night: DarkNight) -> None:
    night.when("after_piece", lambda: go_dark(night), attempt=night.passed.count("after_claim") + 1)
    task = night.services.schedules.run("cleanup")
    night.deliver()
    night.outage.down = False
    night.clock.move(timedelta(minutes=5))
    ended = night.finish(task)
    assert (ended.status, ended.attempts) == (Status.SUCCESS, 2)
    assert ended.result
    assert (ended.result["interrupted"], ended.result["quarantined"]) == (1, 30)
    (why,) = ended.result["examples"]["interrupted"]  # type: ignore[index]  # a report's examples are lists of words
    assert "could not reach the state store" in why


def test_a_run_that_nobody_could_start_is_caught_up_and_says_that_it_is_late(night: DarkNight) -> None:
    tick(night)
    night.run_until_idle()
    night.orphan(99)
    night.clock.move(DAY)
    go_dark(night)
    with pytest.raises(Unavailable):
        tick(night)
    night.outage.down = False
    night.clock.move(HOUR)
    (task,) = (one for one in night.services.schedules.catch_up() if one.type is TaskType.CLEANUP_ORPHANED_FILES)
    ended = night.finish(task)
    assert (ended.status, ended.result and ended.result["began_late"]) == (Status.SUCCESS, 1)
    assert ended.result
    assert "state store did not answer" in ended.result["examples"]["began_late"][0]  # type: ignore[index]  # as above


def test_a_fault_that_the_store_survived_is_told_by_its_own_name(night: DarkNight) -> None:
    night.bucket.trouble.at("before delete", Unavailable("The bucket does not answer."))
    ended = night.run("cleanup")
    assert (ended.status, ended.result and ended.result["quarantined"]) == (Status.SUCCESS, 30)
    assert ended.result
    assert ended.result["examples"]["interrupted"] == ["unavailable: The bucket does not answer."]  # type: ignore[index]  # as above
