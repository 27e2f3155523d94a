"""Schedules, retention ages, and the classification of stored objects. All times are UTC."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from chalicelib import storage_keys
from chalicelib.errors import NotFound
from chalicelib.images.model import Image, Rendition, is_tombstone
from chalicelib.objects import StoredObject
from chalicelib.tasks.model import Task, TaskType

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
    options: frozenset[str] = frozenset()
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
            "cleanup_orphaned_files", TaskType.CLEANUP_ORPHANED_FILES, _DAY, options=frozenset({"dry_run", "limit"})
        ),
        Schedule("update_collection_stats", TaskType.UPDATE_COLLECTION_STATS, _HOUR, options=frozenset({"collection"})),
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
class ScheduleStatus:
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


PREFIXES = (
    storage_keys.GUARDED,
    storage_keys.INCOMING,
    storage_keys.ORIGINALS,
    storage_keys.RENDITIONS,
    storage_keys.TRASHED,
)
"""What clean-up looks at, in the order of the bucket."""


class OrphanVerdict(StrEnum):
    """What an object is."""

    NEEDED = "needed"
    YOUNG = "young"
    """Nobody names it, but somebody may be about to."""
    BUSY = "busy"
    """Nobody names it, but the task that makes its image is at work."""
    ORPHAN = "orphans"
    LEFTOVER = "leftovers"
    """An upload whose task has ended long ago."""
    EXPOSED = "exposed"
    """A rendition of a trashed image where it is served from."""
    LOST = "lost"
    """An upload that no task knows of."""
    FOREIGN = "foreign"
    """Its key has no form that we make: it is never taken away."""
    UNREADABLE = "unreadable"
    """The catalogue has lost rows of its image, so that nothing tells whether it is needed."""

    @property
    def is_removable(self) -> bool:
        """True for what is to be taken away."""
        return self in {OrphanVerdict.ORPHAN, OrphanVerdict.LEFTOVER}


@dataclass(frozen=True, slots=True)
class RetentionAges:
    """How old things must be. Clocks differ by minutes, so none of these is short."""

    orphan: timedelta = timedelta(hours=24)
    lost: timedelta = timedelta(hours=1)
    leftover: timedelta = timedelta(days=7)
    quarantine: timedelta = timedelta(days=7)
    """How long what was taken away can be brought back."""
    trash: timedelta = timedelta(days=7)
    """How long a trashed image can be restored."""


@dataclass(frozen=True, slots=True)
class CleanupBounds:
    """How much one run may do."""

    max_share: float = 0.05
    """Of the objects seen may be taken away."""
    always_allowed: int = 1000
    """May always be taken away."""
    max_objects_seen: int = 3_000_000
    """Objects looked at, rounded up to a page; the next run goes on behind them."""


def upload_verdict(upload: StoredObject, task: Task | None, *, now: datetime, ages: RetentionAges) -> OrphanVerdict:
    """What an object under `incoming/` is, given its task."""
    age = now - upload.modified
    if task is not None and not task.is_final:
        return OrphanVerdict.NEEDED
    if age >= ages.leftover:
        return OrphanVerdict.LEFTOVER
    return OrphanVerdict.LOST if task is None and age >= ages.lost else OrphanVerdict.YOUNG


def picture_verdict(image: Image | None, names: bool, owner: str, busy: Collection[str]) -> OrphanVerdict:  # noqa: FBT001
    """What an old object of an image is: `names` says whether the image's rows name it."""
    if image is not None and names:
        return OrphanVerdict.NEEDED
    return OrphanVerdict.BUSY if image is None and owner in busy else OrphanVerdict.ORPHAN


def may_name(image: Image, key: str) -> bool | None:
    """Whether the image's rows name this key, as far as the image's own row tells; None where it does not."""
    if key.startswith(storage_keys.ORIGINALS):
        return key == image.original_key
    if storage_keys.is_hidden(key):
        # Of an image that was restored, too: see `services.visibility`.
        return True
    _, _, run, name = [*key.split("/", 3), "", ""][:4]
    if run == image.recipe and image.optimized and name.startswith("full."):
        return None  # optimising may have replaced it
    return True if name and run in {image.recipe, image.optimized} else None


def is_exposed(image: Image, key: str) -> bool:
    """True for a rendition that is served although its image is in the trash."""
    return (
        image.is_trashed and not is_tombstone(image) and key.startswith((storage_keys.RENDITIONS, storage_keys.GUARDED))
    )


def is_incomplete(image: Image, rows: Sequence[Rendition]) -> bool:
    """True if rows of the image's renditions are lost: an image has some, and its own row knows what they weigh."""
    return not rows or sum(row.bytes for row in rows) < image.rendition_bytes


def allowed(seen: int, *, share: float, least: int) -> int:
    """How many of the objects seen may be taken away in one run."""
    return max(int(seen * share), least)
