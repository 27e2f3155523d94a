"""`GET /overview`: how the system is doing, in one small answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

import msgspec

from chalicelib.admin import statistics
from chalicelib.admin.model import Scope
from chalicelib.admin.statistics import Percentiles, TimeBucket, TimeRange
from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, Tag, endpoint, schema
from chalicelib.api.vocabulary import Moment
from chalicelib.container import container
from chalicelib.tasks.model import Status
from chalicelib.tasks.service import RecentTasks

Hours = Annotated[int, msgspec.Meta(ge=1, le=168, description="Length of the period in hours.")]


class OverviewQuery(msgspec.Struct, frozen=True):
    """Which stretch of time."""

    hours: Hours = 1


@schema("FailureCount", "A failure reason and how often it occurred.")
class Reason(msgspec.Struct, frozen=True):
    code: str
    count: int


@schema("StorageUsage", "Totals of all collections.")
class Storage(msgspec.Struct, frozen=True):
    collections: int
    images: int
    bytes: Annotated[int, msgspec.Meta(description="Size of the originals in bytes.")]
    rendition_bytes: int
    bytes_saved: Annotated[
        int, msgspec.Meta(description="Bytes by which optimizing has reduced full-size files in this period.")
    ]


@schema("CostEstimate", "Estimated cost at list prices: compute in this period, and storage per month.")
class Cost(msgspec.Struct, frozen=True):
    compute_usd: float
    storage_usd_month: float


@schema("Overview", "Figures about the system in one period.")
class Overview(msgspec.Struct, frozen=True, kw_only=True):
    since: Moment
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
    failures: tuple[Reason, ...]
    storage: Storage
    cost: Cost


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
def get_overview(_: Ask, query: OverviewQuery) -> Answer:
    over = statistics.time_range(container().clock.now(), query.hours)
    # A task may have been made well before the slice that it ended in; a tenth of the stretch more catches most.
    return data(_overview(over, container().recent_tasks.since(over.since - over.slice * over.slices / 10)))


def _overview(over: TimeRange, found: RecentTasks) -> Overview:
    tasks = [task for task in found.tasks if (task.finished_at or task.created_at) >= over.since]
    runtimes, storage = statistics.runtimes(tasks), _storage(statistics.bytes_saved(tasks))
    return Overview(
        since=over.since,
        bucket_seconds=over.slice / timedelta(seconds=1),
        complete=found.is_complete,
        buckets=statistics.time_buckets(tasks, over),
        states=statistics.states(task for task in tasks if task.created_at >= over.since),
        active=statistics.states(found.active),
        runtime=statistics.percentiles(runtimes),
        queue_wait=statistics.percentiles(statistics.waits(tasks)),
        failures=tuple(Reason(*reason) for reason in statistics.reasons(tasks)),
        storage=storage,
        cost=_cost(runtimes, storage),
    )


def _storage(saved: int) -> Storage:
    every = container().delivery.stats()
    originals, renditions = sum(one.bytes for one in every), sum(one.rendition_bytes for one in every)
    return Storage(len(every), sum(one.images for one in every), originals, renditions, saved)


def _cost(runtimes: Sequence[float], storage: Storage) -> Cost:
    compute = sum(runtimes) / 1_000 * statistics.WORKER_GB * statistics.GB_SECOND_USD
    stored = (storage.bytes + storage.rendition_bytes) / 1e9 * statistics.GB_MONTH_USD
    return Cost(round(compute, 6), round(stored, 6))
