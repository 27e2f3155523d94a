"""What a list of tasks adds up to: numbers for the overview."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from chalicelib.tasks.model import Status, Task, TaskType

GB_SECOND_USD, GB_MONTH_USD, WORKER_GB = 0.0000166667, 0.023, 2.0
"""List prices of Lambda (x86) and S3 Standard in us-east-1, 2026; the workers' memory as deployed."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """How long things took, in milliseconds; null where nothing was measured."""

    p50_ms: int | None
    p95_ms: int | None


@dataclass(frozen=True, slots=True)
class TimeBucket:
    """A slice of time and the tasks that ended in it."""

    at: datetime
    succeeded: int
    failed: int
    cancelled: int
    runtime: Percentiles
    queue_wait: Percentiles


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A stretch of time in equal slices."""

    since: datetime
    slice: timedelta
    slices: int

    def index(self, moment: datetime) -> int:
        """Which slice the moment is in; outside of 0 to `slices` - 1 for moments outside."""
        return (moment - self.since) // self.slice


def time_range(until: datetime, hours: int, slices: int = 60) -> TimeRange:
    """The hours that end at the next full slice, so that slices stay where they are while time goes on."""
    width = timedelta(hours=hours) / slices
    start = datetime.fromtimestamp(0, until.tzinfo)
    full = start + ((until - start) // width + 1) * width
    return TimeRange(full - width * slices, width, slices)


def time_buckets(tasks: Iterable[Task], over: TimeRange) -> tuple[TimeBucket, ...]:
    """Tasks without children, by the slice they ended in, oldest first."""
    slices: list[list[Task]] = [[] for _ in range(over.slices)]
    for task in tasks:
        if task.finished_at and not task.children and 0 <= (index := over.index(task.finished_at)) < over.slices:
            slices[index].append(task)
    return tuple(_bucket(over.since + i * over.slice, some) for i, some in enumerate(slices))


def percentiles(milliseconds: Iterable[float]) -> Percentiles:
    """Median and 95th percentile (nearest rank)."""
    ranked = sorted(milliseconds)
    if not ranked:
        return Percentiles(None, None)
    return Percentiles(_rank(ranked, 0.5), _rank(ranked, 0.95))


def runtimes(tasks: Iterable[Task]) -> list[float]:
    """How long each task's last attempt ran, in milliseconds, where it has ended."""
    return [_ms(t.started_at, t.finished_at) for t in tasks if t.started_at and t.finished_at and not t.children]


def waits(tasks: Iterable[Task]) -> list[float]:
    """How long each task waited for its last attempt, in milliseconds."""
    return [_ms(t.queued_at, t.started_at) for t in tasks if t.queued_at and t.started_at and not t.children]


def states(tasks: Iterable[Task]) -> Mapping[Status, int]:
    """How many tasks are in each state; every state has its number."""
    counted = Counter(task.status for task in tasks)
    return {status: counted[status] for status in Status}


def reasons(tasks: Iterable[Task], most: int = 8) -> tuple[tuple[str, int], ...]:
    """Codes of the errors that ended tasks, most frequent first, with their numbers."""
    found = Counter(task.error.code for task in tasks if task.error and task.status is Status.FAILURE)
    return tuple(takewhile(lambda one: one[1] > 0, found.most_common(most)))


def bytes_saved(tasks: Iterable[Task]) -> int:
    """By how much optimising has made full forms smaller."""
    reports = (task.result for task in tasks if task.type is TaskType.OPTIMIZE_IMAGES and task.result)
    return sum(saved for report in reports if isinstance(saved := report.get("bytes_saved"), int))


def _bucket(at: datetime, tasks: Sequence[Task]) -> TimeBucket:
    ended = states(tasks)
    good = ended[Status.SUCCESS] + ended[Status.PARTIAL]
    took, waited = percentiles(runtimes(tasks)), percentiles(waits(tasks))
    return TimeBucket(at, good, ended[Status.FAILURE], ended[Status.REVOKED], took, waited)


def _rank(ranked: Sequence[float], share: float) -> int:
    return round(ranked[min(int(share * len(ranked)), len(ranked) - 1)])


def _ms(since: datetime, until: datetime) -> float:
    return max((until - since) / timedelta(milliseconds=1), 0.0)
