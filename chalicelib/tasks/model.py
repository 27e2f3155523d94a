"""Tasks: states and transitions, progress, failures, and the state of chunked jobs.

The words are Celery's (https://docs.celeryq.dev/en/stable/userguide/tasks.html#built-in-states).
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
    """Where a task stands; the last four are final and never change."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    RETRY = "RETRY"
    SUCCESS = "SUCCESS"
    PARTIAL = "PARTIAL"
    FAILURE = "FAILURE"
    REVOKED = "REVOKED"

    @property
    def is_final(self) -> bool:
        """True when nothing will change any more."""
        return not MOVES[self]


MOVES: Mapping[Status, frozenset[Status]] = {
    # Straight to success: a file that the collection has already needs no worker.
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
    """The kinds of work, named as in the system's description."""

    PROCESS_IMAGE = "process_image"
    BULK_PROCESS_IMAGES = "bulk_process_images"
    GENERATE_THUMBNAILS = "generate_thumbnails"
    CLEANUP_ORPHANED_FILES = "cleanup_orphaned_files"
    UPDATE_COLLECTION_STATS = "update_collection_stats"
    OPTIMIZE_IMAGES = "optimize_images"
    DELETE_IMAGES = "delete_images"
    RENAME_COLLECTION = "rename_collection"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of an attempt, and when it began."""

    stage: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is: `current` of `total` steps, and the name of the step."""

    current: int = 0
    total: int = 0
    stage: str = "queued"
    passed: tuple[Step, ...] = field(default=(), compare=False)
    """The steps of the newest attempt, in order; how far the work is does not depend on them."""

    @property
    def percent(self) -> int:
        """0 to 100, whole; 0 while the total is unknown."""
        return 100 * self.current // self.total if self.total else 0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last attempt did not succeed, in words a client may see."""

    code: str
    message: str
    retryable: bool = False
    details: Mapping[str, object] = field(default_factory=dict)
    sentence: str = field(default="", compare=False)
    """Id of the message in `messages.json`; empty where the message itself is all there is. Rows that are older hold
    the English message before its details were put in, or nothing."""
    cause: Mapping[str, object] = field(default_factory=dict, compare=False)
    """What of our configuration is wrong, for administrators alone; empty in rows that are older than this field."""
    trace: str = field(default="", compare=False, repr=False)
    """Where in the code it happened, for administrators alone; empty where that says nothing new."""

    @classmethod
    def of(cls, error: WallifyError, *, trace: str = "") -> Failure:
        """What a task remembers of an error."""
        cause = error.cause if isinstance(error, Misconfigured) else {}
        return cls(error.code, error.message, error.retryable, dict(error.details), error.text_id, cause, trace)


@dataclass(frozen=True, slots=True)
class Subject:
    """What the task is about."""

    collection: str | None = None
    image_id: str | None = None
    filename: str | None = None
    """The name as the client gave it: shown, never used as a key."""


WARNINGS = "warnings"
"""Argument of a task: what its client may want to know, a sentence a line."""
_MOST_STEPS = 20
"""Kept of an attempt; a row must not grow with the work."""


@dataclass(frozen=True, slots=True)
class Task:
    """A snapshot of one task. It never changes: each verb answers the next snapshot, or raises IllegalTransition."""

    task_id: str
    type: TaskType
    created_at: datetime
    subject: Subject = Subject()
    args: Mapping[str, str] = field(default_factory=dict)
    """What the worker needs beside the subject, as text: the source key, options."""
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
    """When the history may forget it; only final tasks have one."""
    owner: str | None = None
    """The run that holds the lease; its moves alone are honoured."""
    lease_until: datetime | None = None
    parent_id: str | None = None
    index: int | None = None
    """Place among the parent's children, from 0, in request order."""
    children: int = 0
    """How many children this task has; they are rows of their own."""
    cancel_requested: bool = False
    version: int = 0
    """Grows by one with each stored change; a store replaces a task only if it still has the version that was read."""

    @property
    def is_final(self) -> bool:
        """True when nothing will change any more."""
        return self.status.is_final

    def is_last_attempt(self, code: str) -> bool:
        """True when an error of this code, in the newest attempt, is not tried again."""
        return self.attempts >= min(self.max_attempts, ATTEMPTS.get(code, self.max_attempts))

    def is_held(self, now: datetime) -> bool:
        """True while a run holds a lease that has not ended."""
        return self.status is Status.STARTED and self.lease_until is not None and now < self.lease_until

    def claimed(self, *, owner: str, now: datetime, lease: timedelta) -> Task:
        """The next attempt, held by `owner` until the lease ends."""
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
        """The same attempt, a step further."""
        passed = (*self.progress.passed, Step(progress.stage, now))
        return self._moved(Status.STARTED, progress=replace(progress, passed=passed[-_MOST_STEPS:]))

    def with_checkpoint(self, progress: Progress, args: Mapping[str, str], report: Mapping[str, object]) -> Task:
        """The same attempt of a long job, a piece further: where it stands, and what it has found so far."""
        return self._moved(Status.STARTED, progress=progress, args={**self.args, **args}, result=report)

    def released(self, args: Mapping[str, str], *, now: datetime) -> Task:
        """Between two parts of a long job: held by nobody, and with all attempts ahead of the next part."""
        held = {"owner": None, "lease_until": None, "attempts": 0, "queued_at": now, "error": None}
        return self._moved(Status.STARTED, args={**self.args, **args}, **held)

    def stopped(
        self, report: Mapping[str, object], *, now: datetime, keep: timedelta, error: Failure | None = None
    ) -> Task:
        """Ended at a limit, with a part of the work done; `error` says which if it is not the time limit.

        Forgotten after `keep`.
        """
        return self._ended(Status.PARTIAL, now=now, keep=keep, result=report, error=error)

    def succeeded(self, result: Mapping[str, object], *, now: datetime, keep: timedelta) -> Task:
        """Done, with a result; forgotten after `keep`."""
        total = max(self.progress.total, 1)
        done = Progress(total, total, "done", self.progress.passed)
        return self._ended(Status.SUCCESS, now=now, keep=keep, result=result, progress=done)

    def failed(self, error: Failure, *, now: datetime, keep: timedelta) -> Task:
        """Ended without success, for the reason given; forgotten after `keep`."""
        return self._ended(Status.FAILURE, now=now, keep=keep, error=error)

    def revoked(self, *, now: datetime, keep: timedelta) -> Task:
        """Ended because somebody asked for it; forgotten after `keep`."""
        return self._ended(Status.REVOKED, now=now, keep=keep, cancel_requested=True)

    def parent_finished(self, status: Status, tally: ChildCounts, *, now: datetime, keep: timedelta) -> Task:
        """A parent's end: the state that its children add up to, and their numbers; forgotten after `keep`."""
        result = {"succeeded": tally.succeeded, "failed": tally.failed, "cancelled": tally.cancelled}
        done = Progress(tally.finished, self.children, "done")
        return self._ended(status, now=now, keep=keep, result=result, progress=done)

    def with_args(self, args: Mapping[str, str]) -> Task:
        """The same task in the same state, with these arguments as well."""
        return replace(self, args={**self.args, **args})

    def requeued(self, now: datetime) -> Task:
        """The same task, announced to its queue once more; it stays as it is until a worker takes it."""
        return replace(self, queued_at=now)

    def retrying(self, error: Failure) -> Task:
        """Waiting for another attempt after a transient fault."""
        return self._moved(Status.RETRY, error=error, owner=None, lease_until=None)

    def with_cancel_requested(self) -> Task:
        """Still running, with the wish to stop noted for the worker's next step."""
        return replace(self, cancel_requested=True)

    def cancelled(self, *, now: datetime, keep: timedelta) -> Task:
        """What a cancel makes of it: asked to stop while it runs, and otherwise revoked at once."""
        return self.with_cancel_requested() if self.status is Status.STARTED else self.revoked(now=now, keep=keep)

    def _ended(self, to: Status, *, now: datetime, keep: timedelta, **changes: object) -> Task:
        return self._moved(to, finished_at=now, expires_at=now + keep, owner=None, lease_until=None, **changes)

    def _moved(self, to: Status, **changes: object) -> Task:
        if to not in MOVES[self.status]:
            raise IllegalTransition("task.transition", task_id=self.task_id, status=self.status, wanted=to)
        return replace(self, status=to, **changes)  # type: ignore[arg-type]  # the verbs above name only fields of Task


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """How a parent's children have ended so far; `total` comes from the parent."""

    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def finished(self) -> int:
        """Children that are final."""
        return self.succeeded + self.failed + self.cancelled


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """What a look into the history asks for; None asks for anything."""

    status: Status | None = None
    type: TaskType | None = None
    collection: str | None = None
    parent_id: str | None = None
    since: datetime | None = None
    """Created at or after this moment."""
    until: datetime | None = None
    """Created before this moment."""
    text: str | None = None
    """Part of the file name, the collection, the ids or the error, in any case, with or without accents."""

    def matches(self, task: Task) -> bool:
        """The meaning of the filter, which every store agrees with."""
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
    """The text as a search sees it: "İSTANBUL", "ıstanbul" and "istanbul" are one, however their accents are coded."""  # noqa: RUF002  # Turkish, on purpose
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return plain.casefold().replace("ı", "i")  # noqa: RUF001  # Turkish, on purpose


Position = Mapping[str, Any]
"""Where a job stands, as JSON can hold it; empty at its beginning."""

CHUNKED = frozenset(
    {
        TaskType.GENERATE_THUMBNAILS,
        TaskType.CLEANUP_ORPHANED_FILES,
        TaskType.UPDATE_COLLECTION_STATS,
        TaskType.OPTIMIZE_IMAGES,
        TaskType.DELETE_IMAGES,
        TaskType.RENAME_COLLECTION,
    }
)
"""Kinds of work that are done in parts."""
QUEUES: Mapping[str, frozenset[TaskType]] = {
    "images": frozenset({TaskType.PROCESS_IMAGE}),
    "thumbnails": frozenset({TaskType.GENERATE_THUMBNAILS}),
    "maintenance": CHUNKED - {TaskType.GENERATE_THUMBNAILS},
}
"""Each queue, by the name that people use, and the work that goes through it."""
CHECKPOINT = frozenset({"part", "began_at", "position"})
"""Names of the arguments that a job's standing is kept in."""
RESUMES = frozenset({"after", "rows"})
"""Names of the arguments that say where a scheduled run goes on that another one could not finish in a night."""
LATE = "late"
"""Name of the argument that says why a scheduled run did not begin at its time."""
_EXAMPLES = 20
_KILLED = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a long job has come, as the arguments of its task keep it."""

    part: int = 0
    began_at: datetime | None = None
    """Start of its first part."""
    position: Position = field(default_factory=dict)

    @classmethod
    def of(cls, task: Task) -> Checkpoint:
        """What the task says."""
        args = task.args
        began = args.get("began_at")
        return cls(
            int(args.get("part", "0")),
            datetime.fromisoformat(began) if began else None,
            json.loads(args.get("position", "{}")),
        )

    def args(self) -> dict[str, str]:
        """What `of` reads."""
        began = {"began_at": self.began_at.isoformat()} if self.began_at else {}
        return {"part": str(self.part), "position": json.dumps(self.position), **began}


@dataclass(frozen=True, slots=True)
class Report:
    """What a job has found and done: numbers, and a few examples of each."""

    counts: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, result: Mapping[str, object] | None) -> Report:
        """The report in a task's result."""
        found: Mapping[str, Any] = result or {}
        counts = {name: value for name, value in found.items() if type(value) is int}
        return cls(counts, {name: tuple(some) for name, some in found.get("examples", {}).items()})

    def __getitem__(self, what: str) -> int:
        return self.counts.get(what, 0)

    def plus(self, what: str, by: int = 1, *, example: str | None = None) -> Report:
        """With so many more of these; of the examples only the first few are kept."""
        counted = replace(self, counts={**self.counts, what: self[what] + by})
        some = self.examples.get(what, ())
        if example is None or len(some) >= _EXAMPLES:
            return counted
        return replace(counted, examples={**self.examples, what: (*some, example)})

    def result(self, **facts: object) -> dict[str, object]:
        """The report as a task's result, with facts beside it."""
        return {**self.counts, "examples": self.examples, **facts}


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one piece of a job came to."""

    position: Position | None
    """Where the next one begins; None when the job is done."""
    report: Report
    stage: str = "working"
    done: int = 0
    """Things done so far, in the whole job."""
    total: int = 0
    """Things to do; 0 where nobody knows."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """Said at the end, beside the report."""


def queue_of(kind: TaskType) -> str:
    """The name of the queue that this kind of work goes through; ValueError for a parent, which goes through none."""
    for name, kinds in QUEUES.items():
        if kind in kinds:
            return name
    raise ValueError(kind)


def fatal_item(task: Task, position: Position) -> bool:
    """True when what comes next has probably killed two workers: one thing is passed over in each further attempt."""
    return task.attempts >= _KILLED and position.get("gave_up") != task.attempts


def fingerprint_of_report(task: Task) -> str:
    """A few letters that tell what this task writes from what any other does."""
    return task.task_id.replace("-", "")[:12]
