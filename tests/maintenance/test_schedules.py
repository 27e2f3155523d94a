from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from chalice.app import Cron, ScheduledEventConfig

import app
from chalicelib.errors import BadRequest, Unavailable
from chalicelib.maintenance.model import SCHEDULES, Schedule, ScheduleNotFound, ScheduleStatus
from chalicelib.maintenance.schedules import StillRunning
from chalicelib.ports import ScheduleStore
from chalicelib.settings import Settings
from chalicelib.tasks.model import Status, Task
from tests.builders import NOON
from tests.maintenance_world import DAY, HOUR, MaintenanceWorld
from tests.trouble import unavailable

MIDNIGHT = NOON.replace(hour=0)


@pytest.fixture
def world() -> MaintenanceWorld:
    return MaintenanceWorld()


@dataclass
class Behind:
    """Sees these first, as they were before."""

    store: ScheduleStore
    seen: list[ScheduleStatus]

    def get(self, name: str) -> ScheduleStatus:
        return self.seen.pop(0) if self.seen else self.store.get(name)

    def replace(self, before: ScheduleStatus, after: ScheduleStatus) -> ScheduleStatus:
        return self.store.replace(before, after)


def start(world: MaintenanceWorld, name: str, at: datetime = NOON) -> Task | None:
    return world.services.schedules.start(name, at)


def test_the_timetable_is_the_seeds() -> None:
    assert {name: one.next_run(NOON) for name, one in SCHEDULES.items()} == {
        "cleanup_orphaned_files": MIDNIGHT + DAY,
        "update_collection_stats": NOON + HOUR,
        "optimize_images": MIDNIGHT + DAY + 6 * HOUR,
    }


def test_the_rules_fire_when_the_periods_begin() -> None:
    rules = {
        source.name: source.schedule_expression.to_string()
        for source in app.app.event_sources
        if isinstance(source, ScheduledEventConfig) and isinstance(source.schedule_expression, Cron)
    }

    assert rules == {name: cron_of(one) for name, one in SCHEDULES.items()}
    assert list(rules.values()) == ["cron(0 0 * * ? *)", "cron(0 * * * ? *)", "cron(0 6 * * ? *)"]


@pytest.mark.parametrize("minutes", [90, -30, 7, 1_440, -1_440])
def test_the_whole_timetable_can_be_shifted(minutes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "settings", Settings(schedule_shift_minutes=minutes))

    rules = [app.utc(hour=0), app.utc(), app.utc(hour=6)]

    shifted = [one.shifted(timedelta(minutes=minutes)) for one in SCHEDULES.values()]
    assert [rule.to_string() for rule in rules] == [cron_of(one) for one in shifted]


def cron_of(schedule: Schedule) -> str:
    begins = schedule.next_run(NOON)
    return f"cron({begins.minute} {begins.hour if schedule.every == DAY else '*'} * * ? *)"


def test_periods_are_in_utc_whatever_the_zone_of_the_question() -> None:
    istanbul = NOON.astimezone(datetime.now().astimezone().tzinfo)
    schedule = SCHEDULES["cleanup_orphaned_files"]
    assert schedule.period(istanbul) == MIDNIGHT
    assert schedule.task_id(schedule.period(istanbul)) == schedule.task_id(MIDNIGHT.astimezone(UTC))


def test_a_run_by_the_clock_is_a_task_that_does_its_work(world: MaintenanceWorld) -> None:
    world.image()
    task = start(world, "update_collection_stats")
    assert task is not None
    assert world.finish(task).status is Status.SUCCESS
    slot = world.services.state.schedules.get("update_collection_stats")
    assert (slot.last_task_id, slot.last_period, slot.last_started_at) == (task.task_id, NOON, world.clock.now())


def test_the_same_event_again_starts_nothing(world: MaintenanceWorld) -> None:
    first, second = start(world, "stats"), start(world, "stats", NOON + timedelta(minutes=5))
    assert first is not None
    assert second is not None
    assert first.task_id == second.task_id
    assert world.finish(first).status is Status.SUCCESS
    third = start(world, "stats")
    assert third is not None
    assert third.status is Status.SUCCESS


def test_an_event_that_comes_late_is_not_run_after_a_newer_one(world: MaintenanceWorld) -> None:
    first = start(world, "stats", NOON)
    assert first is not None
    world.finish(first)
    assert start(world, "stats", NOON - HOUR) is None


def test_a_run_that_was_taken_but_never_announced_is_announced(world: MaintenanceWorld) -> None:
    first = start(world, "stats")
    world.queue.messages.clear()
    assert start(world, "stats") == first
    assert len(world.queue.messages) == 1


def test_runs_of_one_schedule_never_overlap(world: MaintenanceWorld) -> None:
    first = start(world, "stats")
    assert first is not None
    assert start(world, "stats", NOON + HOUR) is None
    with pytest.raises(StillRunning) as refused:
        world.services.schedules.run("stats")
    assert refused.value.details == {"task_id": first.task_id}
    world.finish(first)
    assert start(world, "stats", NOON + HOUR) is not None


def test_runs_of_different_schedules_may_overlap(world: MaintenanceWorld) -> None:
    assert start(world, "stats") is not None
    assert start(world, "cleanup") is not None


def test_of_two_who_start_at_once_one_runs(world: MaintenanceWorld) -> None:
    schedules = world.services.schedules
    slot = world.services.state.schedules.get("update_collection_stats")
    world.services.schedules.run("stats")

    behind = replace(schedules, store=Behind(schedules.store, [slot]))
    with pytest.raises(StillRunning):
        behind.run("stats")
    assert [task.status for task in world.active()] == [Status.PENDING]


def test_a_schedule_that_somebody_looks_after_meanwhile_runs_all_the_same(world: MaintenanceWorld) -> None:
    schedules = world.services.schedules
    slot = world.services.state.schedules.get("update_collection_stats")
    # The clock starts several functions in the same minute, and each looks after the others' schedules.
    schedules.catch_up()

    task = replace(schedules, store=Behind(schedules.store, [slot])).start("stats", NOON)
    assert task is not None
    assert world.finish(task).status is Status.SUCCESS


def test_a_dead_holder_gives_the_slot_back(world: MaintenanceWorld) -> None:
    task = start(world, "stats")
    assert task is not None
    world.kill_at("after_claim")
    world.deliver()
    world.queue.messages.clear()
    assert start(world, "stats", NOON + HOUR) is None
    world.clock.move(HOUR)
    world.services.sweeper.sweep()
    world.finish(task)
    assert start(world, "stats", NOON + 2 * HOUR) is not None


def test_a_disabled_schedule_runs_by_hand_only(world: MaintenanceWorld) -> None:
    report = world.services.schedules.enable("stats", on=False)
    assert (report.status.enabled, report.next_run) == (False, None)
    assert start(world, "stats") is None
    assert world.run("stats").status is Status.SUCCESS
    assert world.services.schedules.enable("stats", on=True).next_run == NOON + HOUR


def test_optimising_runs_by_hand_unless_the_setting_says_nightly() -> None:
    found = {}
    for at in ("first_view", "publish", "off", "nightly"):
        world = MaintenanceWorld(optimize_at=at)
        world.services.schedules.catch_up()
        started, next_run = start(world, "optimize_images"), world.services.schedules.get("optimize").next_run
        world.run_until_idle()
        world.clock.move(2 * DAY)
        missed = [task.args["schedule"] for task in world.services.schedules.catch_up()]
        found[at] = (started is not None, next_run is not None, "optimize_images" in missed)
    by_hand = dict.fromkeys(("first_view", "publish", "off"), (False, False, False))
    assert found == {**by_hand, "nightly": (True, True, True)}


def test_a_missed_run_is_caught_up_once() -> None:
    world = MaintenanceWorld(optimize_at="nightly")
    schedules = world.services.schedules
    assert schedules.catch_up() == ()
    world.clock.move(DAY)
    caught = schedules.catch_up()
    assert {task.args["schedule"] for task in caught} == set(SCHEDULES) - {"update_collection_stats"}
    world.run_until_idle()
    assert schedules.catch_up() == ()


def test_a_run_that_is_a_little_late_is_not_missed(world: MaintenanceWorld) -> None:
    world.services.schedules.catch_up()
    world.clock.move(12 * HOUR + timedelta(minutes=14))
    assert [task for task in world.services.schedules.catch_up() if task.args["schedule"].startswith("clean")] == []


def test_what_was_missed_while_disabled_is_not_caught_up(world: MaintenanceWorld) -> None:
    world.services.schedules.catch_up()
    world.services.schedules.enable("cleanup", on=False)
    world.clock.move(3 * DAY)
    world.services.schedules.enable("cleanup", on=True)
    assert [task for task in world.services.schedules.catch_up() if task.args["schedule"].startswith("clean")] == []


def test_an_outlook_tells_last_and_next(world: MaintenanceWorld) -> None:
    task = world.run("cleanup")
    report = world.services.schedules.get("cleanup")
    assert (report.last, report.next_run) == (task, MIDNIGHT + DAY)
    assert [one.schedule.name for one in world.services.schedules.all()] == list(SCHEDULES)


def test_an_unknown_schedule_is_not_found(world: MaintenanceWorld) -> None:
    with pytest.raises(ScheduleNotFound):
        world.services.schedules.run("nonsense")


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("cleanup", {"collection": "nature"}),
        ("stats", {"dry_run": True}),
        ("stats", {"limit": 1}),
        ("optimize", {"dry_run": True}),
        ("optimize", {"limit": 1}),
    ],
)
def test_an_option_that_the_job_has_no_use_for_starts_nothing(
    world: MaintenanceWorld, name: str, option: dict[str, object]
) -> None:
    with pytest.raises(BadRequest) as refused:
        world.run(name, **option)
    assert refused.value.details == {"parameter": next(iter(option))}
    assert world.active() == ()


def test_a_run_whose_message_cannot_be_sent_ends_and_frees_the_slot(world: MaintenanceWorld) -> None:
    world.queue.trouble.at("before send", *unavailable())
    with pytest.raises(Unavailable):
        world.services.schedules.run("stats")
    assert world.active() == ()
    assert world.run("stats").status is Status.SUCCESS
