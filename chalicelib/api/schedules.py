"""The timetable: what runs by the clock, and running it by hand."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.api.task_record import TaskRecord, started, task_record
from chalicelib.api.vocabulary import CollectionName, Moment, Switch, given, is_on
from chalicelib.core.schedules import Options, ScheduleNotFound
from chalicelib.core.tasks import TaskType
from chalicelib.core.tokens import Scope
from chalicelib.errors import Unavailable
from chalicelib.services.schedules import Outlook, StillRunning
from chalicelib.wiring import wired


class ScheduleRecord(msgspec.Struct, frozen=True):
    """A schedule, what it did last and does next."""

    name: str
    type: TaskType
    every_minutes: int
    enabled: bool
    last_started_at: Moment | None
    next_run: Moment | None
    """Null while it is disabled."""
    last_task: TaskRecord | None
    """As long as the history remembers it."""


class Timetable(msgspec.Struct, frozen=True):
    """Every schedule; all times are UTC."""

    schedules: tuple[ScheduleRecord, ...]


class ScheduleAt(msgspec.Struct, frozen=True):
    """A schedule's place."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, description="A name, or cleanup, stats, optimize.")]


class RunOptions(msgspec.Struct, frozen=True):
    """How this run differs from those by the clock."""

    dry_run: Switch = "false"
    """true: report only (clean-up)."""
    collection: CollectionName | UnsetType = UNSET
    """Only this one (statistics, optimising)."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | UnsetType = UNSET
    """Objects that this run may take away, in place of 5 % of those seen or 1,000 (clean-up)."""


class ScheduleSwitch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change."""

    enabled: bool


@endpoint("GET /schedules", "The timetable", scopes=(Scope.READ,), replies={200: Reply("All schedules.", Timetable)})
def schedules(ask: Ask) -> Answer:
    """Clean-up daily, statistics hourly, optimising daily."""
    return data(Timetable(tuple(_record(ask, one) for one in wired().night.schedules.all())))


@endpoint(
    "POST /schedules/{name}/run",
    "Run a schedule now",
    scopes=(Scope.ADMIN,),
    replies={202: Reply("The run's task.", TaskRecord, headers=("Location", "Retry-After"))},
    errors=(ScheduleNotFound, StillRunning, Unavailable),
)
def run_schedule(ask: Ask, at: ScheduleAt, query: RunOptions) -> Answer:
    """Also while the schedule is disabled; runs never overlap (409 with the `task_id` of the one that runs).

    An option that the job has no use for is refused.
    """
    options = Options(is_on(query.dry_run), given(query.collection), given(query.limit))
    return started(ask, wired().night.schedules.run(at.name, options))


@endpoint(
    "PATCH /schedules/{name}",
    "Switch a schedule on or off",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The schedule.", ScheduleRecord)},
    errors=(ScheduleNotFound,),
)
def switch_schedule(ask: Ask, at: ScheduleAt, body: ScheduleSwitch) -> Answer:
    """Periods in which it was off are not caught up."""
    return data(_record(ask, wired().night.schedules.enable(at.name, on=body.enabled)))


def _record(ask: Ask, outlook: Outlook) -> ScheduleRecord:
    schedule, slot = outlook.schedule, outlook.slot
    return ScheduleRecord(
        name=schedule.name,
        type=schedule.type,
        every_minutes=int(schedule.every.total_seconds() // 60),
        enabled=slot.enabled,
        last_started_at=slot.last_started_at,
        next_run=outlook.next_run,
        last_task=task_record(ask, outlook.last) if outlook.last else None,
    )
