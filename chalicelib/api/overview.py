"""`GET /overview`: how the system is doing, in one small answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

import msgspec

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.api.vocabulary import Moment
from chalicelib.core import figures
from chalicelib.core.figures import Bucket, Spread, Window
from chalicelib.core.tasks import Status
from chalicelib.core.tokens import Scope
from chalicelib.services.recent import Recently
from chalicelib.wiring import wired

Hours = Annotated[int, msgspec.Meta(ge=1, le=168, description="How far back to look.")]


class OverviewQuery(msgspec.Struct, frozen=True):
    """Which stretch of time."""

    hours: Hours = 1


class Reason(msgspec.Struct, frozen=True):
    """Why tasks failed."""

    code: str
    count: int


class Storage(msgspec.Struct, frozen=True):
    """What all collections add up to."""

    collections: int
    images: int
    bytes: int
    """Of the originals."""
    rendition_bytes: int
    bytes_saved: int
    """By which optimising made full forms smaller in this stretch."""


class Cost(msgspec.Struct, frozen=True):
    """Rough, from list prices: what the workers' time cost in this stretch, and what storage costs a month."""

    compute_usd: float
    storage_usd_month: float


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """How the system is doing."""

    since: Moment
    bucket_seconds: float
    complete: bool
    """False when there were more tasks than an overview counts; the newest 4,000 are in it."""
    buckets: tuple[Bucket, ...]
    states: Mapping[Status, int]
    """Of the tasks made in this stretch."""
    active: Mapping[Status, int]
    """Of all tasks that are not final, up to 500."""
    runtime: Spread
    queue_wait: Spread
    failures: tuple[Reason, ...]
    storage: Storage
    cost: Cost


@endpoint(
    "GET /overview",
    "How the system is doing",
    scopes=(Scope.TASKS,),
    replies={200: Reply("Numbers for the last hours.", Overview)},
)
def overview(_: Ask, query: OverviewQuery) -> Answer:
    """Throughput, waits, run times, reasons of failures, storage and a rough cost."""
    over = figures.window(wired().clock.now(), query.hours)
    # A task may have been made well before the slice that it ended in; a tenth of the stretch more catches most.
    return data(_overview(over, wired().desk.recent.since(over.since - over.slice * over.slices / 10)))


def _overview(over: Window, found: Recently) -> Overview:
    tasks = [task for task in found.tasks if (task.finished_at or task.created_at) >= over.since]
    runtimes, storage = figures.runtimes(tasks), _storage(figures.bytes_saved(tasks))
    return Overview(
        since=over.since,
        bucket_seconds=over.slice / timedelta(seconds=1),
        complete=found.is_complete,
        buckets=figures.buckets(tasks, over),
        states=figures.states(task for task in tasks if task.created_at >= over.since),
        active=figures.states(found.active),
        runtime=figures.spread(runtimes),
        queue_wait=figures.spread(figures.waits(tasks)),
        failures=tuple(Reason(*reason) for reason in figures.reasons(tasks)),
        storage=storage,
        cost=_cost(runtimes, storage),
    )


def _storage(saved: int) -> Storage:
    every = wired().delivery.stats()
    originals, renditions = sum(one.bytes for one in every), sum(one.rendition_bytes for one in every)
    return Storage(len(every), sum(one.images for one in every), originals, renditions, saved)


def _cost(runtimes: Sequence[float], storage: Storage) -> Cost:
    compute = sum(runtimes) / 1_000 * figures.WORKER_GB * figures.GB_SECOND_USD
    stored = (storage.bytes + storage.rendition_bytes) / 1e9 * figures.GB_MONTH_USD
    return Cost(round(compute, 6), round(stored, 6))
