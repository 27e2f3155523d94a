"""Routes of queues, functions and the system overview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

import msgspec

from chalicelib.admin import monitoring
from chalicelib.admin.monitoring import FunctionReport, Percentiles, QueueReport, TimeBucket, TimeRange
from chalicelib.admin.scopes import Scope
from chalicelib.container import container
from chalicelib.errors import BadRequest, NotFound, TooManyRequests, Unavailable
from chalicelib.http.request import QueuePath, Request, Response, Timestamp, json_response
from chalicelib.http.routing import Audited, Reply, Tag, endpoint, path_and_options, schema
from chalicelib.tasks.model import Status
from chalicelib.tasks.service import RecentTasks


@schema("Queue", "The state of one queue. SQS counts are approximate.")
class QueueRecord(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    waiting: int
    in_flight: Annotated[int, msgspec.Meta(description="Messages received by a function and not yet finished.")]
    delayed: int
    oldest_age_seconds: Annotated[
        float | None,
        msgspec.Meta(description="Age of the oldest message, a few minutes late; null where it is not measured."),
    ]
    dead: Annotated[int, msgspec.Meta(description="Number of dead letters.")]
    paused: bool


@schema("QueueList", "All queues.")
class QueueList(msgspec.Struct, frozen=True):
    queues: tuple[QueueRecord, ...]


@schema("PurgeRequest", "Confirmation of a purge.")
class PurgeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    confirm: Annotated[str, msgspec.Meta(max_length=80, description="The name of the queue again.")]


@schema("PurgeResult", "The queue after a purge, with what was deleted and what remains.")
class PurgedQueueRecord(QueueRecord, frozen=True, kw_only=True):
    removed: Annotated[int, msgspec.Meta(description="Number of deleted messages, as counted by SQS just before.")]
    tasks_left: Annotated[
        int,
        msgspec.Meta(
            description=(
                "Number of unfinished tasks whose messages may be deleted, counted up to 1,000. They are queued again "
                "after an hour, unless cancelled."
            )
        ),
    ]
    dead_letters_left: Annotated[int, msgspec.Meta(description="Number of dead letters. A purge does not delete them.")]


_STEERED = {200: Reply("The queue.", QueueRecord)}


@endpoint(
    "GET /queues",
    operation="list_queues",
    tag=Tag.QUEUES,
    summary="List queues",
    description="Dead letters are listed by `GET /queues/{name}/dead`.",
    scopes=(Scope.TASKS,),
    replies={200: Reply("Every queue.", QueueList)},
    errors=(Unavailable,),
)
def list_queues(_: Request) -> Response:
    return json_response(QueueList(tuple(map(_record, container().queue_admin.all()))))


@endpoint(
    "POST /queues/{name}/pause",
    operation="pause_queue",
    tag=Tag.QUEUES,
    summary="Pause a queue",
    description=(
        "Within about a minute its function stops receiving messages; running work is finished. Uploads are "
        "still accepted."
    ),
    scopes=(Scope.TASKS,),
    replies=_STEERED,
    errors=(NotFound, Unavailable),
    audit=Audited("pause_queue", path_and_options),
)
def pause_queue(_: Request, path: QueuePath) -> Response:
    return json_response(_record(container().queue_admin.pause(path.name)))


@endpoint(
    "POST /queues/{name}/resume",
    operation="resume_queue",
    tag=Tag.QUEUES,
    summary="Resume a queue",
    description="Within about a minute its function receives messages again.",
    scopes=(Scope.TASKS,),
    replies=_STEERED,
    errors=(NotFound, Unavailable),
    audit=Audited("resume_queue", path_and_options),
)
def resume_queue(_: Request, path: QueuePath) -> Response:
    return json_response(_record(container().queue_admin.resume(path.name)))


@endpoint(
    "POST /queues/{name}/purge",
    operation="purge_queue",
    tag=Tag.QUEUES,
    summary="Purge a queue",
    description=(
        "Deletes every message in the queue. Tasks, files and dead letters stay; the answer counts them.\n\n"
        "A task that is still waiting after an hour is queued again, unless it is cancelled."
    ),
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The queue, with the number of deleted and remaining items.", PurgedQueueRecord)},
    errors=(NotFound, TooManyRequests, Unavailable),
    audit=Audited("purge_queue", path_and_options),
)
def purge_queue(_: Request, path: QueuePath, body: PurgeRequest) -> Response:
    if body.confirm != path.name:
        raise BadRequest("queue.confirm", parameter="confirm")
    purged = container().queue_admin.purge(path.name)
    fields: dict[str, Any] = {"removed": purged.removed, "tasks_left": purged.tasks}
    return json_response(
        PurgedQueueRecord(**_fields(purged.report), **fields, dead_letters_left=purged.report.load.dead)
    )


def _record(report: QueueReport) -> QueueRecord:
    return QueueRecord(**_fields(report))


def _fields(report: QueueReport) -> dict[str, Any]:
    load = {name: getattr(report.load, name) for name in ("waiting", "in_flight", "delayed", "dead", "paused")}
    return {"name": report.name, "oldest_age_seconds": report.oldest_age_seconds, **load}


@schema("Function", "One Lambda function. Null means not measured, not zero.")
class FunctionRecord(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    running: Annotated[
        int | None,
        msgspec.Meta(description="Number of tasks it is working on now; null for functions that run no tasks."),
    ]
    concurrency: Annotated[int | None, msgspec.Meta(description="Maximum number of concurrent executions.")]
    invocations: Annotated[
        int | None,
        msgspec.Meta(
            description=(
                "Number of invocations in the last hour; the next fields up to `cold_starts` also cover the last hour."
            )
        ),
    ]
    errors: int | None
    throttles: int | None
    duration_p50_ms: float | None
    duration_p95_ms: float | None
    cold_starts: int | None
    memory_mb: int | None
    timeout_seconds: int | None


@schema("FunctionList", "All Lambda functions.")
class FunctionList(msgspec.Struct, frozen=True):
    functions: tuple[FunctionRecord, ...]


@endpoint(
    "GET /functions",
    operation="list_functions",
    tag=Tag.MONITORING,
    summary="List functions",
    description=(
        "Running work is counted from the tasks, without delay. The numbers of the last hour come from "
        "CloudWatch, about a minute late."
    ),
    scopes=(Scope.TASKS,),
    replies={200: Reply("Every function.", FunctionList)},
)
def list_functions(_: Request) -> Response:
    return json_response(FunctionList(tuple(map(_functions_record, container().functions.all()))))


def _functions_record(report: FunctionReport) -> FunctionRecord:
    measured = {name: getattr(report.usage, name) for name in _MEASURED}
    return FunctionRecord(name=report.name, running=report.running, concurrency=report.concurrency, **measured)


_MEASURED = (
    "invocations",
    "errors",
    "throttles",
    "duration_p50_ms",
    "duration_p95_ms",
    "cold_starts",
    "memory_mb",
    "timeout_seconds",
)


Hours = Annotated[int, msgspec.Meta(ge=1, le=168, description="Length of the period in hours.")]


class OverviewQuery(msgspec.Struct, frozen=True):
    """Which stretch of time."""

    hours: Hours = 1


@schema("FailureCount", "A failure reason and how often it occurred.")
class FailureCount(msgspec.Struct, frozen=True):
    code: str
    count: int


@schema("StorageUsage", "Totals of all collections.")
class StorageUsage(msgspec.Struct, frozen=True):
    collections: int
    images: int
    bytes: Annotated[int, msgspec.Meta(description="Size of the originals in bytes.")]
    rendition_bytes: int
    bytes_saved: Annotated[
        int, msgspec.Meta(description="Bytes by which optimizing has reduced full-size files in this period.")
    ]


@schema("CostEstimate", "Estimated cost at list prices: compute in this period, and storage per month.")
class CostEstimate(msgspec.Struct, frozen=True):
    compute_usd: float
    storage_usd_month: float


@schema("Overview", "Figures about the system in one period.")
class Overview(msgspec.Struct, frozen=True, kw_only=True):
    since: Timestamp
    bucket_seconds: float
    complete: Annotated[
        bool,
        msgspec.Meta(description="False when there were more than 4,000 tasks; only the newest 4,000 are counted."),
    ]
    buckets: tuple[TimeBucket, ...]
    states: Annotated[
        Mapping[Status, int], msgspec.Meta(description="Number of tasks created in this period, by state.")
    ]
    active: Annotated[
        Mapping[Status, int],
        msgspec.Meta(description="Number of tasks that are not final, by state, counted up to 500."),
    ]
    runtime: Percentiles
    queue_wait: Percentiles
    failures: tuple[FailureCount, ...]
    storage: StorageUsage
    cost: CostEstimate


schema("TimeBucket", "A time interval and the tasks that ended in it.")(TimeBucket)
schema("Percentiles", "Durations in milliseconds; null where nothing was measured.")(Percentiles)


@endpoint(
    "GET /overview",
    operation="get_overview",
    tag=Tag.MONITORING,
    summary="Get the system overview",
    description="Throughput, waiting times, run times, failure reasons, storage and an estimated cost.",
    scopes=(Scope.TASKS,),
    replies={200: Reply("Figures for the period.", Overview)},
)
def get_overview(_: Request, query: OverviewQuery) -> Response:
    over = monitoring.time_range(container().clock.now(), query.hours)
    # A task may have been made well before the slice that it ended in; a tenth of the stretch more catches most.
    return json_response(_overview(over, container().recent_tasks.since(over.since - over.slice * over.slices / 10)))


def _overview(over: TimeRange, found: RecentTasks) -> Overview:
    tasks = [task for task in found.tasks if (task.finished_at or task.created_at) >= over.since]
    saved = container().metrics_reader.total("BytesSaved", over.slice * over.slices) or 0
    runtimes, storage = monitoring.runtimes(tasks), _storage(saved)
    return Overview(
        since=over.since,
        bucket_seconds=over.slice / timedelta(seconds=1),
        complete=found.is_complete,
        buckets=monitoring.time_buckets(tasks, over),
        states=monitoring.states(task for task in tasks if task.created_at >= over.since),
        active=monitoring.states(found.active),
        runtime=monitoring.percentiles(runtimes),
        queue_wait=monitoring.percentiles(monitoring.waits(tasks)),
        failures=tuple(FailureCount(*reason) for reason in monitoring.reasons(tasks)),
        storage=storage,
        cost=_cost(runtimes, storage),
    )


def _storage(saved: int) -> StorageUsage:
    every = container().delivery.stats()
    originals, renditions = sum(one.bytes for one in every), sum(one.rendition_bytes for one in every)
    return StorageUsage(len(every), sum(one.images for one in every), originals, renditions, saved)


def _cost(runtimes: Sequence[float], storage: StorageUsage) -> CostEstimate:
    compute = sum(runtimes) / 1_000 * monitoring.WORKER_GB * monitoring.GB_SECOND_USD
    stored = (storage.bytes + storage.rendition_bytes) / 1e9 * monitoring.GB_MONTH_USD
    return CostEstimate(round(compute, 6), round(stored, 6))
