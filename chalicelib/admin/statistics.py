"""Statistics of a list of tasks, for the overview."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from chalicelib.tasks.model import Status, Task, TaskType

GB_SECOND_USD, GB_MONTH_USD, WORKER_GB = 0.0000166667, 0.023, 2.0
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


def bytes_saved(tasks: Iterable[Task]) -> int:
    """Return by how many bytes optimising has made full renditions smaller."""
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
