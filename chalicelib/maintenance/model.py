"""Schedules, retention ages, and the classification of stored objects. All times are UTC."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from chalicelib import storage
from chalicelib.errors import NotFound
from chalicelib.images.model import Image, Rendition, is_tombstone
from chalicelib.storage import StoredObject
from chalicelib.tasks.model import Task, TaskType

_NAMESPACE = uuid.UUID("9d0c0b8e-53f7-5f4a-8a5e-6d0f7c0e4b12")
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


class ScheduleNotFound(NotFound):
    """There is no schedule of this name."""

    code = "schedule_not_found"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Schedule of a job. Periods follow each other without a gap; each has one run, at its start."""

    name: str
    type: TaskType
    every: timedelta
    at: timedelta = timedelta(0)
    """Offset from midnight."""
    options: frozenset[str] = frozenset()
    """Options that a manual run accepts; others are refused."""

    def shifted(self, by: timedelta) -> Schedule:
        """Return the schedule moved by this offset."""
        return replace(self, at=self.at + by)

    def period(self, time: datetime) -> datetime:
        """Return the start of the period that contains this time."""
        return time - (time - _EPOCH - self.at) % self.every

    def next_run(self, time: datetime) -> datetime:
        """Return the start of the period after the one that contains this time."""
        return self.period(time) + self.every

    def task_id(self, period: datetime) -> str:
        """Return the id of the period's task, the same for each event of the period: EventBridge may send several."""
        return str(uuid.uuid5(_NAMESPACE, f"{self.name}@{period.astimezone(UTC).isoformat()}"))

    def successor_id(self, task_id: str) -> str:
        """Return the id of the task that continues this one, the same for each who continues it."""
        return str(uuid.uuid5(_NAMESPACE, f"{self.name} after {task_id}"))


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
"""All schedules by name."""
_SHORT = {
    "cleanup": "cleanup_orphaned_files",
    "stats": "update_collection_stats",
    "optimize": "optimize_images",
    "optimise": "optimize_images",
}


def schedule_named(text: str) -> Schedule:
    """Return the schedule of this name or short name (cleanup, stats, optimize).

    Raises: ScheduleNotFound.
    """
    found = SCHEDULES.get(_SHORT.get(text, text))
    if found is None:
        raise ScheduleNotFound(name=text[:80], known=sorted(SCHEDULES))
    return found


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a manual run."""

    dry_run: bool = False
    """Change nothing (clean-up)."""
    collection: str | None = None
    """Process this collection only (statistics, optimizing)."""
    limit: int | None = None
    """Most objects that this run may remove, instead of the usual budget (clean-up)."""

    @classmethod
    def of(cls, run: Task) -> Options:
        """Read the options from a run's task."""
        limit = run.args.get("limit")
        return cls(run.args.get("dry_run") == "true", run.args.get("collection"), int(limit) if limit else None)

    def args(self) -> dict[str, str]:
        """Return the options as task arguments."""
        given = {"collection": self.collection, "limit": self.limit, "dry_run": "true" if self.dry_run else None}
        return {name: str(value) for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """State of a schedule. The task `last_task_id` holds the slot until it is final: no other run may work."""

    name: str
    enabled: bool = True
    last_task_id: str | None = None
    last_started_at: datetime | None = None
    last_period: datetime | None = None
    """Start of the newest period whose run was started."""
    since: datetime | None = None
    """When the schedule was first checked, or last switched on or off; earlier periods do not count as missed."""
    version: int = 0
    """Number of stored changes."""

    def missed(self, period: datetime) -> bool:
        """True if the period's run was not started."""
        if not self.enabled or self.since is None or period <= self.since:
            return False
        return self.last_period is None or self.last_period < period


PREFIXES = (
    storage.GUARDED,
    storage.INCOMING,
    storage.ORIGINALS,
    storage.RENDITIONS,
    storage.TRASHED,
)
"""Prefixes that clean-up reads, in the order of the bucket."""


class OrphanVerdict(StrEnum):
    """Classification of a stored object."""

    NEEDED = "needed"
    YOUNG = "young"
    """No row names it, but it is too new to decide."""
    BUSY = "busy"
    """No row names it, but the task that makes its image is still active."""
    ORPHAN = "orphans"
    LEFTOVER = "leftovers"
    """An upload whose task has long ended."""
    EXPOSED = "exposed"
    """A rendition of a trashed image, under a prefix that is served."""
    LOST = "lost"
    """An upload without a task."""
    FOREIGN = "foreign"
    """Its key has no form that Wallify writes; it is never removed."""
    UNREADABLE = "unreadable"
    """Rows of its image are missing in the catalogue, so that it cannot be classified."""

    @property
    def is_removable(self) -> bool:
        """True for objects that clean-up removes."""
        return self in {OrphanVerdict.ORPHAN, OrphanVerdict.LEFTOVER}


LONGEST_ADDRESS = timedelta(hours=2)
"""More than the time for which an address that was given out may lead to a rendition: an hour for a signed one, 21
minutes for one in a manifest (`WALLIFY_MANIFEST_SECONDS` and two caches), five minutes for a redirect."""


@dataclass(frozen=True, slots=True)
class RetentionAges:
    """Minimum ages before clean-up acts. None is short, because clocks differ by minutes."""

    orphan: timedelta = timedelta(hours=24)
    lost: timedelta = timedelta(hours=1)
    leftover: timedelta = timedelta(days=7)
    quarantine: timedelta = timedelta(days=7)
    """How long a quarantined object can be restored."""
    trash: timedelta = timedelta(days=7)
    """How long a trashed image can be restored."""

    @property
    def replaced(self) -> timedelta:
        """How long a rendition is kept after another one has taken its place, because addresses still lead to it."""
        return max(self.orphan, LONGEST_ADDRESS)


@dataclass(frozen=True, slots=True)
class CleanupBounds:
    """Limits of one run of clean-up."""

    max_share: float = 0.05
    """Share of the objects seen that may be removed."""
    always_allowed: int = 1000
    """Number of objects that may be removed whatever that share is."""
    max_objects_seen: int = 20_000_000
    """Most objects read, rounded up to a page; the next run continues after them."""


def upload_verdict(upload: StoredObject, task: Task | None, *, now: datetime, ages: RetentionAges) -> OrphanVerdict:
    """Classify an object under `incoming/` by its task."""
    age = now - upload.modified
    if task is not None and not task.is_final:
        return OrphanVerdict.NEEDED
    if age >= ages.leftover:
        return OrphanVerdict.LEFTOVER
    return OrphanVerdict.LOST if task is None and age >= ages.lost else OrphanVerdict.YOUNG


def picture_verdict(image: Image | None, names: bool, owner: str, busy: Collection[str]) -> OrphanVerdict:  # noqa: FBT001
    """Classify an old object of an image; `names` is True if the image's rows name it."""
    if image is not None and names:
        return OrphanVerdict.NEEDED
    return OrphanVerdict.BUSY if image is None and owner in busy else OrphanVerdict.ORPHAN


def may_name(image: Image, key: str) -> bool | None:
    """Return whether the image's own row names this key; None if its rendition rows must be read to decide."""
    if key.startswith(storage.ORIGINALS):
        return key == image.original_key
    if storage.is_hidden(key):
        # Also after a restore: see `images.visibility`.
        return True
    # A private rendition has its collection's part before the recipe (see `storage.shelf`).
    *_, run, name = ("", "", *key.split("/"))
    if run == image.recipe and image.optimized and name.startswith("full."):
        return None  # optimising may have replaced it
    return True if name and run in {image.recipe, image.optimized} else None


def is_served(key: str) -> bool:
    """True for a rendition under a prefix that is served."""
    return key.startswith((storage.RENDITIONS, storage.GUARDED))


def is_exposed(image: Image, key: str) -> bool:
    """True for a rendition under a served prefix although its image is in the trash."""
    return image.is_trashed and not is_tombstone(image) and is_served(key)


def is_incomplete(image: Image, rows: Sequence[Rendition]) -> bool:
    """True if rendition rows are missing: an image has at least one, and its own row stores their total bytes."""
    return not rows or sum(row.bytes for row in rows) < image.rendition_bytes


def allowed(seen: int, *, share: float, least: int) -> int:
    """Return how many objects one run may remove, of this number seen."""
    return max(int(seen * share), least)
