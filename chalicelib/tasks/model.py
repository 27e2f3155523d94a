"""Tasks: states and transitions, progress, failures, and the state of chunked jobs.

States are named as in Celery (https://docs.celeryq.dev/en/stable/userguide/tasks.html#built-in-states).
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chalicelib.errors import ATTEMPTS, IllegalTransition, Misconfigured, WallifyError


class Status(StrEnum):
    """State of a task; the last four are final."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    RETRY = "RETRY"
    SUCCESS = "SUCCESS"
    PARTIAL = "PARTIAL"
    FAILURE = "FAILURE"
    REVOKED = "REVOKED"

    @property
    def is_final(self) -> bool:
        """True if the state allows no transition."""
        return not MOVES[self]


MOVES: Mapping[Status, frozenset[Status]] = {
    # Directly to success: a file whose bytes the collection already has needs no worker.
    Status.PENDING: frozenset({Status.STARTED, Status.SUCCESS, Status.FAILURE, Status.REVOKED}),
    # A started task may start again: SQS delivers at least once, and a worker may die.
    Status.STARTED: frozenset(Status) - {Status.PENDING},
    Status.RETRY: frozenset({Status.STARTED, Status.FAILURE, Status.REVOKED}),
    Status.SUCCESS: frozenset(),
    Status.PARTIAL: frozenset(),
    Status.FAILURE: frozenset(),
    Status.REVOKED: frozenset(),
}


class TaskType(StrEnum):
    """Kinds of tasks."""

    PROCESS_IMAGE = "process_image"
    BULK_PROCESS_IMAGES = "bulk_process_images"
    GENERATE_THUMBNAILS = "generate_thumbnails"
    CLEANUP_ORPHANED_FILES = "cleanup_orphaned_files"
    UPDATE_COLLECTION_STATS = "update_collection_stats"
    OPTIMIZE_IMAGES = "optimize_images"
    DELETE_IMAGES = "delete_images"
    RENAME_COLLECTION = "rename_collection"
    CHANGE_PRIVACY = "change_privacy"


@dataclass(frozen=True, slots=True)
class Step:
    """Step of an attempt, and when it began."""

    stage: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a task: `current` of `total` steps, and the name of the current one."""

    current: int = 0
    total: int = 0
    stage: str = "queued"
    passed: tuple[Step, ...] = field(default=(), compare=False)
    """Steps of the newest attempt, in order; not part of comparisons."""

    @property
    def percent(self) -> int:
        """Whole number from 0 to 100; 0 while the total is unknown."""
        return 100 * self.current // self.total if self.total else 0


@dataclass(frozen=True, slots=True)
class Failure:
    """Error of the last attempt, as clients may see it."""

    code: str
    message: str
    retryable: bool = False
    details: Mapping[str, object] = field(default_factory=dict)
    sentence: str = field(default="", compare=False)
    """Id of the message in `messages.json`; empty where the message itself is all there is. Rows that are older hold
    the English message before its details were put in, or nothing."""
    cause: Mapping[str, object] = field(default_factory=dict, compare=False)
    """What is wrong in the configuration, for administrators only; empty in rows that are older than this field."""
    trace: str = field(default="", compare=False, repr=False)
    """Traceback, shown to administrators only; empty for errors that clients must correct."""

    @classmethod
    def of(cls, error: WallifyError, *, trace: str = "") -> Failure:
        """Create the failure that a task stores for an error."""
        cause = error.cause if isinstance(error, Misconfigured) else {}
        return cls(error.code, error.message, error.retryable, dict(error.details), error.text_id, cause, trace)


@dataclass(frozen=True, slots=True)
class Subject:
    """Collection, image and file that a task is about."""

    collection: str | None = None
    image_id: str | None = None
    filename: str | None = None
    """Name as the client gave it: for display, never used as a key."""


WARNINGS = "warnings"
"""Argument of a task: warnings for its client, one sentence per line."""
_MOST_STEPS = 20
"""Most steps stored of an attempt; a row must not grow with the work."""


@dataclass(frozen=True, slots=True)
class Task:
    """Immutable snapshot of one task. Its methods return the next snapshot, or raise IllegalTransition."""

    task_id: str
    type: TaskType
    created_at: datetime
    subject: Subject = Subject()
    args: Mapping[str, str] = field(default_factory=dict)
    """Arguments for the worker beside the subject, as text: the source key, options."""
    status: Status = Status.PENDING
    progress: Progress = Progress()
    result: Mapping[str, object] | None = None
    error: Failure | None = None
    attempts: int = 0
    max_attempts: int = 5
    queued_at: datetime | None = None
    started_at: datetime | None = None
    """Start of the newest attempt."""
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    """When the row may be deleted; None until the task is final."""
    owner: str | None = None
    """Id of the run that holds the lease; only this run may change the task's state."""
    lease_until: datetime | None = None
    parent_id: str | None = None
    index: int | None = None
    """Index among the parent's children, from 0, in request order."""
    children: int = 0
    """Number of children of this task; each has its own row."""
    cancel_requested: bool = False
    version: int = 0
    """Number of stored changes; a store replaces a task only if it still has the version that was read."""

    @property
    def is_final(self) -> bool:
        """True if the task has ended."""
        return self.status.is_final

    def is_last_attempt(self, code: str) -> bool:
        """True if an error with this code in the newest attempt allows no further attempt."""
        return self.attempts >= min(self.max_attempts, ATTEMPTS.get(code, self.max_attempts))

    def is_held(self, now: datetime) -> bool:
        """True while a run holds a lease that has not expired."""
        return self.status is Status.STARTED and self.lease_until is not None and now < self.lease_until

    def claimed(self, *, owner: str, now: datetime, lease: timedelta) -> Task:
        """Return the task in its next attempt, leased to `owner`."""
        return self._moved(
            Status.STARTED,
            owner=owner,
            started_at=now,
            lease_until=now + lease,
            attempts=self.attempts + 1,
            error=None,
            progress=replace(self.progress, passed=()),
        )

    def at_step(self, progress: Progress, now: datetime) -> Task:
        """Return the task with the step that has begun."""
        passed = (*self.progress.passed, Step(progress.stage, now))
        return self._moved(Status.STARTED, progress=replace(progress, passed=passed[-_MOST_STEPS:]))

    def with_checkpoint(self, progress: Progress, args: Mapping[str, str], report: Mapping[str, object]) -> Task:
        """Return the chunked job after a step, with its progress, checkpoint and report so far."""
        return self._moved(Status.STARTED, progress=progress, args={**self.args, **args}, result=report)

    def released(self, args: Mapping[str, str], *, now: datetime) -> Task:
        """Return the chunked job between two parts: without a lease, its count of attempts back at 0."""
        held = {"owner": None, "lease_until": None, "attempts": 0, "queued_at": now, "error": None}
        return self._moved(Status.STARTED, args={**self.args, **args}, **held)

    def stopped(
        self, report: Mapping[str, object], *, now: datetime, keep: timedelta, error: Failure | None = None
    ) -> Task:
        """Return the task ended as PARTIAL at a limit (without `error`: the time limit), to be deleted after `keep`."""
        return self._ended(Status.PARTIAL, now=now, keep=keep, result=report, error=error)

    def succeeded(self, result: Mapping[str, object], *, now: datetime, keep: timedelta) -> Task:
        """Return the task ended as SUCCESS with this result, to be deleted after `keep`."""
        total = max(self.progress.total, 1)
        done = Progress(total, total, "done", self.progress.passed)
        return self._ended(Status.SUCCESS, now=now, keep=keep, result=result, progress=done)

    def failed(self, error: Failure, *, now: datetime, keep: timedelta) -> Task:
        """Return the task ended as FAILURE with this error, to be deleted after `keep`."""
        return self._ended(Status.FAILURE, now=now, keep=keep, error=error)

    def revoked(self, *, now: datetime, keep: timedelta) -> Task:
        """Return the task ended as REVOKED by a cancel request, to be deleted after `keep`."""
        return self._ended(Status.REVOKED, now=now, keep=keep, cancel_requested=True)

    def parent_finished(self, status: Status, counts: ChildCounts, *, now: datetime, keep: timedelta) -> Task:
        """Return the parent ended in this state with the counts of its children, to be deleted after `keep`."""
        result = {"succeeded": counts.succeeded, "failed": counts.failed, "cancelled": counts.cancelled}
        done = Progress(counts.finished, self.children, "done")
        return self._ended(status, now=now, keep=keep, result=result, progress=done)

    def with_args(self, args: Mapping[str, str]) -> Task:
        """Return the task with these arguments added."""
        return replace(self, args={**self.args, **args})

    def requeued(self, now: datetime) -> Task:
        """Return the task with the time of its newest message; its state stays the same."""
        return replace(self, queued_at=now)

    def retrying(self, error: Failure) -> Task:
        """Return the task in RETRY, without a lease, after a transient error."""
        return self._moved(Status.RETRY, error=error, owner=None, lease_until=None)

    def with_cancel_requested(self) -> Task:
        """Return the running task with a cancel request, which its worker reads at the next step."""
        return replace(self, cancel_requested=True)

    def cancelled(self, *, now: datetime, keep: timedelta) -> Task:
        """Return the task after a cancel: with a cancel request while it runs, otherwise ended as REVOKED."""
        return self.with_cancel_requested() if self.status is Status.STARTED else self.revoked(now=now, keep=keep)

    def _ended(self, to: Status, *, now: datetime, keep: timedelta, **changes: object) -> Task:
        return self._moved(to, finished_at=now, expires_at=now + keep, owner=None, lease_until=None, **changes)

    def _moved(self, to: Status, **changes: object) -> Task:
        if to not in MOVES[self.status]:
            raise IllegalTransition("task.transition", task_id=self.task_id, status=self.status, wanted=to)
        return replace(self, status=to, **changes)  # type: ignore[arg-type]  # the verbs above name only fields of Task


@dataclass(frozen=True, slots=True)
class FirstClaim:
    """Claim of an upload's task for its first attempt, made without reading the task."""

    task_id: str
    source: str
    """Key of the object that was announced."""
    owner: str
    now: datetime
    lease: timedelta
    progress: Progress
    args: Mapping[str, str] = field(default_factory=dict)
    """Arguments that bind the task to the announced version."""
    unset: tuple[str, ...] = ()
    """Names of arguments that the task must not have."""

    def fits(self, task: Task) -> bool:
        """True if the task waits for this object and no attempt at it has begun."""
        is_new = task.status is Status.PENDING and task.attempts == 0 and task.args.get("source") == self.source
        return is_new and not any(name in task.args for name in self.unset)

    def applied(self, task: Task) -> Task:
        """Return the task claimed, in its first step."""
        claimed = task.claimed(owner=self.owner, now=self.now, lease=self.lease)
        return claimed.at_step(self.progress, self.now).with_args(self.args)


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """Numbers of a parent's ended children; their total is in the parent."""

    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def finished(self) -> int:
        """Children that are final."""
        return self.succeeded + self.failed + self.cancelled


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Conditions on tasks of the history; None is no condition."""

    status: Status | None = None
    type: TaskType | None = None
    collection: str | None = None
    parent_id: str | None = None
    since: datetime | None = None
    """Created at or after this time."""
    until: datetime | None = None
    """Created before this time."""
    text: str | None = None
    """Part of the file name, collection, ids or error; case and accents are ignored."""

    def matches(self, task: Task) -> bool:
        """Return whether the task meets all conditions; every store gives the same answer."""
        wanted = (
            (self.status, task.status),
            (self.type, task.type),
            (self.collection, task.subject.collection),
            (self.parent_id, task.parent_id),
        )
        if any(want is not None and want != have for want, have in wanted):
            return False
        if (self.since and task.created_at < self.since) or (self.until and task.created_at >= self.until):
            return False
        return self.text is None or folded(self.text) in _searchable(task)


def _searchable(task: Task) -> str:
    subject, error = task.subject, task.error
    parts = (
        task.task_id,
        subject.image_id,
        subject.collection,
        subject.filename,
        error and error.code,
        error and error.message,
    )
    return folded("\n".join(part for part in parts if part))


def folded(text: str) -> str:
    """Return the text without case and accents, for comparison: "İSTANBUL", "ıstanbul" and "istanbul" become equal."""  # noqa: RUF002  # Turkish, on purpose
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return plain.casefold().replace("ı", "i")  # noqa: RUF001  # Turkish, on purpose


Position = Mapping[str, Any]
"""JSON object with a chunked job's position; empty at its beginning."""

CHUNKED = frozenset(
    {
        TaskType.GENERATE_THUMBNAILS,
        TaskType.CLEANUP_ORPHANED_FILES,
        TaskType.UPDATE_COLLECTION_STATS,
        TaskType.OPTIMIZE_IMAGES,
        TaskType.DELETE_IMAGES,
        TaskType.RENAME_COLLECTION,
        TaskType.CHANGE_PRIVACY,
    }
)
"""Kinds of tasks that run in parts."""
QUEUES: Mapping[str, frozenset[TaskType]] = {
    "images": frozenset({TaskType.PROCESS_IMAGE}),
    "thumbnails": frozenset({TaskType.GENERATE_THUMBNAILS}),
    "maintenance": CHUNKED - {TaskType.GENERATE_THUMBNAILS},
    "optimizer": frozenset(),
}
"""Public name of each queue, and the kinds of tasks whose messages it carries; the optimizer's belong to no task."""
OPTIMIZER = "optimizer"
"""Public name of the queue of images that are to be optimised."""
CHECKPOINT = frozenset({"part", "began_at", "position"})
"""Names of the task arguments that store a job's checkpoint."""
RESUMES = frozenset({"after", "rows"})
"""Names of the task arguments with the position from which a scheduled run continues an earlier, unfinished one."""
CONTINUES = "continues"
"""Name of the task argument with the stored position at which a scheduled run took over an unfinished one."""
LATE = "late"
"""Name of the task argument that explains why a scheduled run began late."""
_EXAMPLES = 20
_FATAL_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Checkpoint of a chunked job, stored in its task's arguments."""

    part: int = 0
    began_at: datetime | None = None
    """When the first part began."""
    position: Position = field(default_factory=dict)

    @classmethod
    def of(cls, task: Task) -> Checkpoint:
        """Read the checkpoint from the task's arguments."""
        args = task.args
        began = args.get("began_at")
        return cls(
            int(args.get("part", "0")),
            datetime.fromisoformat(began) if began else None,
            json.loads(args.get("position", "{}")),
        )

    def args(self) -> dict[str, str]:
        """Return the task arguments that `of` reads."""
        began = {"began_at": self.began_at.isoformat()} if self.began_at else {}
        return {"part": str(self.part), "position": json.dumps(self.position), **began}


@dataclass(frozen=True, slots=True)
class Report:
    """Report of a job: counts, and up to 20 examples of each."""

    counts: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, result: Mapping[str, object] | None) -> Report:
        """Read the report from a task's result."""
        found: Mapping[str, Any] = result or {}
        counts = {name: value for name, value in found.items() if type(value) is int}
        return cls(counts, {name: tuple(some) for name, some in found.get("examples", {}).items()})

    def __getitem__(self, what: str) -> int:
        return self.counts.get(what, 0)

    def plus(self, what: str, by: int = 1, *, example: str | None = None) -> Report:
        """Return the report with this count increased; only the first 20 examples are kept."""
        counted = replace(self, counts={**self.counts, what: self[what] + by})
        some = self.examples.get(what, ())
        if example is None or len(some) >= _EXAMPLES:
            return counted
        return replace(counted, examples={**self.examples, what: (*some, example)})

    def result(self, **facts: object) -> dict[str, object]:
        """Return the report as a task's result, with further facts."""
        return {**self.counts, "examples": self.examples, **facts}


@dataclass(frozen=True, slots=True)
class StepResult:
    """Result of one step of a chunked job."""

    position: Position | None
    """Position of the next step; None when the job is done."""
    report: Report
    stage: str = "working"
    done: int = 0
    """Items done so far in the whole job."""
    total: int = 0
    """Items of the whole job; 0 if unknown."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """Added to the task's result at the end."""


def queue_of(kind: TaskType) -> str:
    """Return the name of the queue that carries this kind's messages.

    Raises: ValueError for a parent's kind, which has no messages.
    """
    for name, kinds in QUEUES.items():
        if kind in kinds:
            return name
    raise ValueError(kind)


def fatal_item(task: Task, position: Position) -> bool:
    """True if the next item has probably ended two workers; each further attempt skips one item."""
    return task.attempts >= _FATAL_ATTEMPTS and position.get("gave_up") != task.attempts


def fingerprint_of_report(task: Task) -> str:
    """Return 12 hexadecimal digits that identify this task in the keys that it writes."""
    return task.task_id.replace("-", "")[:12]
