"""Routes of schedules and of the quarantine."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.admin.scopes import Scope
from chalicelib.container import container
from chalicelib.errors import Conflict, ObjectNotFound, Unavailable
from chalicelib.http.parsing import signed_cursor
from chalicelib.http.request import CollectionName, Request, Response, Switch, Timestamp, is_on, json_response, or_none
from chalicelib.http.routing import Audited, Reply, Tag, endpoint, options, path_and_options, schema
from chalicelib.maintenance.model import Options, ScheduleNotFound
from chalicelib.maintenance.quarantine import QuarantinedObject
from chalicelib.maintenance.schedules import ScheduleReport, StillRunning
from chalicelib.storage import owner_of
from chalicelib.tasks.model import TaskType
from chalicelib.tasks.routes import PageQuery
from chalicelib.tasks.schemas import TaskRecord, task_record, task_started


@schema("Schedule", "A schedule with its last and next run.")
class ScheduleRecord(msgspec.Struct, frozen=True):
    name: str
    type: TaskType
    every_minutes: int
    enabled: bool
    last_started_at: Timestamp | None
    next_run: Annotated[
        Timestamp | None, msgspec.Meta(description="Null while the schedule is disabled, and if it runs only by hand.")
    ]
    last_task: Annotated[TaskRecord | None, msgspec.Meta(description="Null when the history no longer has it.")]


@schema("ScheduleList", "All schedules; times are in UTC.")
class ScheduleList(msgspec.Struct, frozen=True):
    schedules: tuple[ScheduleRecord, ...]


class SchedulePath(msgspec.Struct, frozen=True):
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
class ScheduleUpdate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    enabled: bool


@endpoint(
    "GET /schedules",
    operation="list_schedules",
    tag=Tag.MAINTENANCE,
    summary="List schedules",
    description=(
        "Clean-up runs daily, statistics hourly; optimizing runs by hand, and daily with `WALLIFY_OPTIMIZE_AT=nightly`."
    ),
    scopes=(Scope.READ,),
    replies={200: Reply("All schedules.", ScheduleList)},
)
def list_schedules(request: Request) -> Response:
    return json_response(ScheduleList(tuple(_record(request, one) for one in container().schedules.all())))


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
def run_schedule(request: Request, path: SchedulePath, query: RunOptions) -> Response:
    options = Options(is_on(query.dry_run), or_none(query.collection), or_none(query.limit))
    return task_started(request, container().schedules.run(path.name, options))


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
def update_schedule(request: Request, path: SchedulePath, body: ScheduleUpdate) -> Response:
    return json_response(_record(request, container().schedules.enable(path.name, on=body.enabled)))


def _record(request: Request, report: ScheduleReport) -> ScheduleRecord:
    schedule, slot = report.schedule, report.status
    return ScheduleRecord(
        name=schedule.name,
        type=schedule.type,
        every_minutes=int(schedule.every.total_seconds() // 60),
        enabled=slot.enabled,
        last_started_at=slot.last_started_at,
        next_run=report.next_run,
        last_task=task_record(request, report.last) if report.last else None,
    )


# S3's own limit is 1,024 bytes.
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, description="The original key of the object.")]


@schema("QuarantinedObject", "An object that clean-up has moved to the quarantine.")
class QuarantinedObjectRecord(msgspec.Struct, frozen=True):
    key: Annotated[str, msgspec.Meta(description="The original key, which restoring puts it back to.")]
    bytes: int
    since: Timestamp
    until: Annotated[Timestamp, msgspec.Meta(description="From this time on clean-up deletes it permanently.")]


@schema("QuarantinePage", "A page of quarantined objects, by key.")
class QuarantinePage(msgspec.Struct, frozen=True):
    objects: tuple[QuarantinedObjectRecord, ...]
    next_cursor: Annotated[str | None, msgspec.Meta(description="Cursor of the next page; null on the last page.")]


@schema("RestoreRequest", "The object to restore.")
class RestoreRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: Key


@schema("RestoredObject", "An object that was restored.")
class RestoredObject(msgspec.Struct, frozen=True):
    key: str


@endpoint(
    "GET /quarantine",
    operation="list_quarantined_objects",
    tag=Tag.MAINTENANCE,
    summary="List quarantined objects",
    description="Each object can be restored for seven days with `POST /quarantine/restore`.",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("A page of objects.", QuarantinePage)},
)
def list_quarantined_objects(request: Request, query: PageQuery) -> Response:
    page = container().quarantine.list_objects(query.limit, or_none(query.cursor))
    return json_response(
        QuarantinePage(tuple(map(_quarantine_record, page.items)), signed_cursor(request, query, page.next_cursor))
    )


@endpoint(
    "POST /quarantine/restore",
    operation="restore_quarantined_object",
    tag=Tag.MAINTENANCE,
    summary="Restore a quarantined object",
    description=(
        "Restores the object only, no database row: an object that is still unreferenced a day later is "
        "quarantined again. Answers 409 if the key is in use again."
    ),
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The object is back at its key.", RestoredObject)},
    errors=(ObjectNotFound, Conflict),
    audit=Audited("restore_quarantined_object", options),
)
def restore_quarantined_object(_: Request, body: RestoreRequest) -> Response:
    container().quarantine.restore(body.key)
    owner = owner_of(body.key)
    if owner is not None:
        # A rendition of an image that lies in the trash must not become public again.
        container().visibility.apply(owner, wait=False)
    return json_response(RestoredObject(body.key))


def _quarantine_record(held: QuarantinedObject) -> QuarantinedObjectRecord:
    return QuarantinedObjectRecord(held.key, held.bytes, held.since, held.until)
