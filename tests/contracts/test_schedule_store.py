from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.errors import Conflict
from chalicelib.maintenance.model import ScheduleStatus
from chalicelib.ports import ScheduleStore
from tests.builders import NOON
from tests.contracts.backends import State

FRESH = ScheduleStatus("cleanup")


@pytest.fixture
def schedules(state: State) -> ScheduleStore:
    return state.schedules


def test_a_schedule_that_was_never_kept_is_fresh(schedules: ScheduleStore) -> None:
    assert schedules.get("cleanup") == FRESH


def test_every_field_survives(schedules: ScheduleStore) -> None:
    later = NOON + timedelta(microseconds=1)
    slot = ScheduleStatus(
        "cleanup", enabled=False, last_task_id="t1", last_started_at=later, last_period=NOON, since=later
    )
    kept = schedules.replace(FRESH, slot)
    assert kept == schedules.get("cleanup") == replace(slot, version=1)


def test_a_replacement_has_the_next_version(schedules: ScheduleStore) -> None:
    first = schedules.replace(FRESH, replace(FRESH, last_task_id="t1"))
    second = schedules.replace(first, replace(first, last_task_id=None))
    assert schedules.get("cleanup") == second == replace(FRESH, version=2)


def test_a_stale_replacement_is_a_conflict_and_changes_nothing(schedules: ScheduleStore) -> None:
    first = schedules.replace(FRESH, replace(FRESH, last_task_id="t1"))
    for stale in (FRESH, replace(first, version=2)):
        with pytest.raises(Conflict):
            schedules.replace(stale, replace(FRESH, last_task_id="t2"))
    assert schedules.get("cleanup") == first


def test_schedules_are_apart(schedules: ScheduleStore) -> None:
    schedules.replace(FRESH, replace(FRESH, last_task_id="t1"))
    assert schedules.get("stats") == ScheduleStatus("stats")
