"""Queues (depth, pause, resume, purge), Lambda functions with their metrics, statistics of tasks, and the audit log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from chalicelib.admin.scopes import FUNCTIONS, AuditEntry, FunctionInfo, FunctionUsage, QueueDepth
from chalicelib.errors import NotFound
from chalicelib.ports import AuditStore, Clock, MetricsReader, Page, QueueAdmin, TaskStore
from chalicelib.tasks.model import QUEUES, Status, Task, TaskType

MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class QueueReport:
    """State of one queue."""

    name: str
    load: QueueDepth
    oldest_age_seconds: float | None
    """Age of the oldest waiting message, measured some minutes ago; None if it is not measured."""


@dataclass(frozen=True, slots=True)
class PurgeResult:
    """Outcome of a purge."""

    report: QueueReport
    removed: int
    """Messages deleted, as far as SQS knew just before."""
    tasks: int
    """Tasks of this queue that are not final and stay; counted up to `MOST_COUNTED`."""


@dataclass(frozen=True)
class Queues:
    """Use cases on all queues by name. Every method raises Unavailable if the cloud does not answer."""

    queues: Mapping[str, QueueAdmin]
    metrics_reader: MetricsReader
    tasks: TaskStore

    def all(self) -> tuple[QueueReport, ...]:
        """Return a report on every queue."""
        return tuple(map(self.one, self.queues))

    def one(self, name: str) -> QueueReport:
        """Return a report on one queue. Raises NotFound."""
        return QueueReport(
            name, self._admin(name).depth(), self.metrics_reader.oldest_messages(tuple(self.queues)).get(name)
        )

    def pause(self, name: str) -> QueueReport:
        """Stop delivery to the queue's function; tasks that run are finished. Raises NotFound."""
        self._admin(name).pause()
        return self.one(name)

    def resume(self, name: str) -> QueueReport:
        """Start delivery to the queue's function again. Raises NotFound."""
        self._admin(name).resume()
        return self.one(name)

    def purge(self, name: str) -> PurgeResult:
        """Delete every message of the queue; tasks, files and dead letters stay. Raises NotFound or TooManyRequests."""
        before = self._admin(name).depth()
        self._admin(name).purge()
        return PurgeResult(self.one(name), before.waiting + before.in_flight + before.delayed, self._active_tasks(name))

    def _active_tasks(self, name: str) -> int:
        found = self.tasks.active(MOST_COUNTED).items
        return sum(task.type in QUEUES[name] for task in found)

    def _admin(self, name: str) -> QueueAdmin:
        if name not in self.queues:
            raise NotFound("queue.not_found", known=sorted(self.queues))
        return self.queues[name]


_PAGE, _MAX_PAGES = 500, 2
"""At most this many active tasks are read, oldest first: running tasks are among the oldest."""


@dataclass(frozen=True, slots=True)
class FunctionReport:
    """State of one function."""

    name: str
    running: int | None
    """Tasks that it holds now; None for functions that hold none."""
    concurrency: int | None
    """Most tasks it may hold at once; None if we set no limit."""
    usage: FunctionUsage


@dataclass(frozen=True)
class Functions:
    """Reports on all functions."""

    tasks: TaskStore
    metrics_reader: MetricsReader
    clock: Clock
    concurrency: int

    def all(self) -> tuple[FunctionReport, ...]:
        """Return a report on every function; numbers that the cloud does not provide are None."""
        usages = self.metrics_reader.function_usage(tuple(function.name for function in FUNCTIONS))
        held = Counter(task.type for task in self._held_tasks())
        return tuple(self._report(function, held, usages.get(function.name, FunctionUsage())) for function in FUNCTIONS)

    def _report(self, function: FunctionInfo, held: Counter[TaskType], usage: FunctionUsage) -> FunctionReport:
        running = sum(held[type_] for type_ in function.types) if function.types else None
        concurrency = self.concurrency if function.lane else None
        return FunctionReport(function.name, running, concurrency, usage)

    def _held_tasks(self) -> Iterator[Task]:
        now, cursor = self.clock.now(), None
        for _ in range(_MAX_PAGES):
            page = self.tasks.active(_PAGE, cursor)
            yield from (task for task in page.items if task.is_held(now))
            cursor = page.next_cursor
            if cursor is None:
                return


GB_SECOND_USD, GB_MONTH_USD, WORKER_GB = 0.0000166667, 0.023, 1769 / 1024
"""List prices of Lambda (x86) and S3 Standard in us-east-1, 2026, and the memory of the workers as deployed."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Median and 95th percentile of durations in milliseconds; None if nothing was measured."""

    p50_ms: int | None
    p95_ms: int | None


@dataclass(frozen=True, slots=True)
class TimeBucket:
    """Tasks that ended within one slice of time."""

    at: datetime
    succeeded: int
    failed: int
    cancelled: int
    runtime: Percentiles
    queue_wait: Percentiles


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Range of time in slices of equal width."""

    since: datetime
    slice: timedelta
    slices: int

    def index(self, moment: datetime) -> int:
        """Return the index of the moment's slice; less than 0 or at least `slices` for moments outside of the range."""
        return (moment - self.since) // self.slice


def time_range(until: datetime, hours: int, slices: int = 60) -> TimeRange:
    """Return the last `hours` in equal slices. Their bounds are multiples of the width, so they stay as time passes."""
    width = timedelta(hours=hours) / slices
    start = datetime.fromtimestamp(0, until.tzinfo)
    full = start + ((until - start) // width + 1) * width
    return TimeRange(full - width * slices, width, slices)


def time_buckets(tasks: Iterable[Task], over: TimeRange) -> tuple[TimeBucket, ...]:
    """Return tasks without children grouped by the slice in which they ended, oldest slice first."""
    slices: list[list[Task]] = [[] for _ in range(over.slices)]
    for task in tasks:
        if task.finished_at and not task.children and 0 <= (index := over.index(task.finished_at)) < over.slices:
            slices[index].append(task)
    return tuple(_bucket(over.since + i * over.slice, some) for i, some in enumerate(slices))


def percentiles(milliseconds: Iterable[float]) -> Percentiles:
    """Return median and 95th percentile (nearest rank)."""
    ranked = sorted(milliseconds)
    if not ranked:
        return Percentiles(None, None)
    return Percentiles(_rank(ranked, 0.5), _rank(ranked, 0.95))


def runtimes(tasks: Iterable[Task]) -> list[float]:
    """Return how long the last attempt of each finished task ran, in milliseconds."""
    return [_ms(t.started_at, t.finished_at) for t in tasks if t.started_at and t.finished_at and not t.children]


def waits(tasks: Iterable[Task]) -> list[float]:
    """Return how long each task waited for its last attempt, in milliseconds."""
    return [_ms(t.queued_at, t.started_at) for t in tasks if t.queued_at and t.started_at and not t.children]


def states(tasks: Iterable[Task]) -> Mapping[Status, int]:
    """Return the number of tasks in each state, zeros included."""
    counted = Counter(task.status for task in tasks)
    return {status: counted[status] for status in Status}


def reasons(tasks: Iterable[Task], most: int = 8) -> tuple[tuple[str, int], ...]:
    """Return the codes of the errors that ended tasks and their numbers, most frequent first."""
    found = Counter(task.error.code for task in tasks if task.error and task.status is Status.FAILURE)
    return tuple(takewhile(lambda one: one[1] > 0, found.most_common(most)))


def _bucket(at: datetime, tasks: Sequence[Task]) -> TimeBucket:
    ended = states(tasks)
    good = ended[Status.SUCCESS] + ended[Status.PARTIAL]
    took, waited = percentiles(runtimes(tasks)), percentiles(waits(tasks))
    return TimeBucket(at, good, ended[Status.FAILURE], ended[Status.REVOKED], took, waited)


def _rank(ranked: Sequence[float], share: float) -> int:
    return round(ranked[min(int(share * len(ranked)), len(ranked) - 1)])


def _ms(since: datetime, until: datetime) -> float:
    return max((until - since) / timedelta(milliseconds=1), 0.0)


_TARGET_LENGTH = 300
"""Most characters of a target that are stored."""


@dataclass(frozen=True)
class Audit:
    """Records changes and lists them."""

    store: AuditStore
    clock: Clock
    new_id: Callable[[], str]

    def note(self, action: str, target: str, *, actor: str, token_id: str) -> AuditEntry:
        """Record a change that has just been made; a target longer than 300 characters is cut."""
        entry = AuditEntry(self.new_id(), self.clock.now(), actor, token_id, action, target[:_TARGET_LENGTH])
        self.store.add(entry)
        return entry

    def page(self, limit: int, cursor: str | None) -> Page[AuditEntry]:
        """Return a page of entries, newest first."""
        return self.store.page(limit, cursor)
