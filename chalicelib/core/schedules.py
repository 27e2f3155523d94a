"""What happens by the clock: which job, how often, and when next. All times are UTC, so no day has 23 or 25 hours."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from chalicelib.core.tasks import Task, TaskType
from chalicelib.errors import NotFound

_NAMESPACE = uuid.UUID("9d0c0b8e-53f7-5f4a-8a5e-6d0f7c0e4b12")
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


class ScheduleNotFound(NotFound):
    """There is no schedule of this name."""

    code = "schedule_not_found"


@dataclass(frozen=True, slots=True)
class Schedule:
    """One job by the clock. Periods follow each other without a gap; each has one run, at its start."""

    name: str
    type: TaskType
    every: timedelta
    at: timedelta = timedelta(0)
    """After midnight."""
    takes: frozenset[str] = frozenset()
    """Options of a run by hand that mean something to this job; another would be silently passed over."""

    def shifted(self, by: timedelta) -> Schedule:
        """The same, later (or earlier) by so much."""
        return replace(self, at=self.at + by)

    def period(self, moment: datetime) -> datetime:
        """Start of the period that the moment is in."""
        return moment - (moment - _EPOCH - self.at) % self.every

    def next_run(self, moment: datetime) -> datetime:
        """Start of the period after this moment's."""
        return self.period(moment) + self.every

    def cron(self) -> tuple[str, str]:
        """Minutes and hours as EventBridge's cron expressions take them; the other fields are stars."""
        minutes = int(self.at / timedelta(minutes=1))
        hour = "*" if self.every == _HOUR else str(minutes // 60 % 24)
        return str(minutes % 60), hour

    def task_id(self, period: datetime) -> str:
        """The id of a period's task: EventBridge may announce a period more than once."""
        return str(uuid.uuid5(_NAMESPACE, f"{self.name}@{period.astimezone(UTC).isoformat()}"))


SCHEDULES: Mapping[str, Schedule] = {
    one.name: one
    for one in (
        Schedule(
            "cleanup_orphaned_files", TaskType.CLEANUP_ORPHANED_FILES, _DAY, takes=frozenset({"dry_run", "limit"})
        ),
        Schedule("update_collection_stats", TaskType.UPDATE_COLLECTION_STATS, _HOUR, takes=frozenset({"collection"})),
        Schedule("optimize_images", TaskType.OPTIMIZE_IMAGES, _DAY, timedelta(hours=6), frozenset({"collection"})),
    )
}
"""The seed's timetable."""
_SHORT = {
    "cleanup": "cleanup_orphaned_files",
    "stats": "update_collection_stats",
    "optimize": "optimize_images",
    "optimise": "optimize_images",
}


def schedule_named(text: str) -> Schedule:
    """The schedule of this name or short name (cleanup, stats, optimize); ScheduleNotFound."""
    found = SCHEDULES.get(_SHORT.get(text, text))
    if found is None:
        raise ScheduleNotFound(name=text[:80], known=sorted(SCHEDULES))
    return found


@dataclass(frozen=True, slots=True)
class Options:
    """How a run by hand may differ."""

    dry_run: bool = False
    """Report only (clean-up)."""
    collection: str | None = None
    """Only this one (statistics, optimising)."""
    limit: int | None = None
    """Objects that this run may take away, in place of the usual budget (clean-up)."""

    @classmethod
    def of(cls, run: Task) -> Options:
        """What a run was asked for."""
        limit = run.args.get("limit")
        return cls(run.args.get("dry_run") == "true", run.args.get("collection"), int(limit) if limit else None)

    def args(self) -> dict[str, str]:
        """As arguments of a task."""
        given = {"collection": self.collection, "limit": self.limit, "dry_run": "true" if self.dry_run else None}
        return {name: str(value) for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Slot:
    """What a schedule has done last. Whoever is `last_task_id` holds the slot: no other run may work."""

    name: str
    enabled: bool = True
    last_task_id: str | None = None
    last_started_at: datetime | None = None
    last_period: datetime | None = None
    """Start of the newest period that has had its run."""
    since: datetime | None = None
    """When somebody first looked after this schedule; periods before that are not missed."""
    version: int = 0
    """Grows by one with each stored change."""

    def missed(self, period: datetime) -> bool:
        """True when this period should have had a run, and has not."""
        if not self.enabled or self.since is None or period <= self.since:
            return False
        return self.last_period is None or self.last_period < period
