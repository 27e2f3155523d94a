"""The timetable: what runs by the clock, and running it by hand."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.admin.model import Scope
from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.auditing import path_and_options
from chalicelib.api.endpoint import Audited, Reply, Tag, endpoint, schema
from chalicelib.api.task_record import TaskRecord, started, task_record
from chalicelib.api.vocabulary import CollectionName, Moment, Switch, given, is_on
from chalicelib.container import container
from chalicelib.errors import Unavailable
from chalicelib.maintenance.model import Options, ScheduleNotFound
from chalicelib.maintenance.schedules import ScheduleReport, StillRunning
from chalicelib.tasks.model import TaskType


@schema("Schedule", "A schedule with its last and next run.")
class ScheduleRecord(msgspec.Struct, frozen=True):
    name: str
    type: TaskType
    every_minutes: int
    enabled: bool
    last_started_at: Moment | None
    next_run: Annotated[Moment | None, msgspec.Meta(description="Null while the schedule is disabled.")]
    last_task: Annotated[TaskRecord | None, msgspec.Meta(description="Null when the history no longer has it.")]


@schema("ScheduleList", "All schedules; times are in UTC.")
class Timetable(msgspec.Struct, frozen=True):
    schedules: tuple[ScheduleRecord, ...]


class ScheduleAt(msgspec.Struct, frozen=True):
    """A schedule's place."""

    name: Annotated[
        str, msgspec.Meta(min_length=1, max_length=80, description="Name of a schedule, or cleanup, stats, optimize.")
    ]


class RunOptions(msgspec.Struct, frozen=True):
    """How this run differs from those by the clock."""

    dry_run: Annotated[Switch, msgspec.Meta(description="true: report only (clean-up).")] = "false"
    collection: Annotated[
        CollectionName | UnsetType, msgspec.Meta(description="Only this collection (statistics, optimizing).")
    ] = UNSET
    limit: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | UnsetType,
        msgspec.Meta(
            description=(
                "Maximum number of objects that this run may remove, instead of 5 % of those checked or 1,000 "
                "(clean-up)."
            )
        ),
    ] = UNSET


@schema("ScheduleUpdate", "Fields to change.")
class ScheduleSwitch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    enabled: bool


@endpoint(
    "GET /schedules",
    operation="list_schedules",
    tag=Tag.MAINTENANCE,
    summary="List schedules",
    description="Clean-up runs daily, statistics hourly, optimizing daily.",
    scopes=(Scope.READ,),
    replies={200: Reply("All schedules.", Timetable)},
)
def list_schedules(ask: Ask) -> Answer:
    return data(Timetable(tuple(_record(ask, one) for one in container().schedules.all())))


@endpoint(
    "POST /schedules/{name}/run",
    operation="run_schedule",
    tag=Tag.MAINTENANCE,
    summary="Run a schedule now",
    description=(
        "Also runs a disabled schedule. Runs never overlap: while one is active the answer is 409 with its "
        "`task_id`.\n\n"
        "An option that the schedule does not use is refused."
    ),
    scopes=(Scope.ADMIN,),
    replies={202: Reply("The task of the run.", TaskRecord, headers=("Location", "Retry-After"))},
    errors=(ScheduleNotFound, StillRunning, Unavailable),
    audit=Audited("run_schedule", path_and_options),
)
def run_schedule(ask: Ask, at: ScheduleAt, query: RunOptions) -> Answer:
    options = Options(is_on(query.dry_run), given(query.collection), given(query.limit))
    return started(ask, container().schedules.run(at.name, options))


@endpoint(
    "PATCH /schedules/{name}",
    operation="update_schedule",
    tag=Tag.MAINTENANCE,
    summary="Enable or disable a schedule",
    description="Runs that were due while the schedule was disabled are not made up for.",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The schedule.", ScheduleRecord)},
    errors=(ScheduleNotFound,),
    audit=Audited("update_schedule", path_and_options),
)
def update_schedule(ask: Ask, at: ScheduleAt, body: ScheduleSwitch) -> Answer:
    return data(_record(ask, container().schedules.enable(at.name, on=body.enabled)))


def _record(ask: Ask, outlook: ScheduleReport) -> ScheduleRecord:
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
