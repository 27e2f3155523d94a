"""Trying again: one task, all that match, and what lies among the dead letters."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.cursors import sealed
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.api.task_record import TaskRecord, started, task_record
from chalicelib.api.tasks import Collection, PageQuery, Since, Until, Words
from chalicelib.api.vocabulary import Id, Limit, Moment, Switch, TaskAt, given, is_on
from chalicelib.api.withholding import as_seen, is_found
from chalicelib.core.tasks import Status, Task, TaskFilter, TaskType
from chalicelib.core.tokens import Scope
from chalicelib.errors import (
    BadRequest,
    DeadLetterNotFound,
    IllegalTransition,
    NotFound,
    SourceGone,
    TaskNotFound,
    Unavailable,
)
from chalicelib.services.burials import Found
from chalicelib.services.retries import RetryFilter
from chalicelib.wiring import wired


class RetryState(StrEnum):
    """States that a task can be tried again from."""

    FAILURE = "FAILURE"
    REVOKED = "REVOKED"
    PARTIAL = "PARTIAL"


class Retryable(StrEnum):
    """Which failures to try again."""

    TRUE = "true"
    FALSE = "false"
    ANY = "any"


class RetryQuery(PageQuery, frozen=True, kw_only=True):
    """Which tasks to try again; at least one filter is needed."""

    state: Annotated[RetryState, msgspec.Meta(description="FAILURE unless another is named.")] | UnsetType = UNSET
    type: TaskType | UnsetType = UNSET
    collection: Collection | UnsetType = UNSET
    parent: Id | UnsetType = UNSET
    since: Since | UnsetType = UNSET
    until: Until | UnsetType = UNSET
    text: Words | UnsetType = UNSET
    retryable: (
        Annotated[
            Retryable,
            msgspec.Meta(description="Of failures: those whose reason may pass (true, as without it), others, or any."),
        ]
        | UnsetType
    ) = UNSET
    dry_run: Annotated[Switch, msgspec.Meta(description="true: only tell how many and which match.")] = "false"


class RetryCandidate(msgspec.Struct, frozen=True):
    """A task that matches."""

    task_id: str
    type: TaskType
    status: Status
    collection: str | None
    filename: str | None
    error: str | None
    """Code of its error."""
    created_at: Moment


class Retried(msgspec.Struct, frozen=True):
    """A task that had ended badly, and the new one in its place."""

    task_id: str
    retried_as: str


class RetriedTasks(msgspec.Struct, frozen=True, kw_only=True):
    """What is tried again from this page or, in a dry run, what would be."""

    dry_run: bool
    total: int
    """How many are tried again from this page; in a dry run, how many match from this page on."""
    complete: bool
    """False when more may match than `total` says: ask again with `next_cursor`."""
    matched: tuple[RetryCandidate, ...]
    """Those that match, of this page."""
    retried: tuple[Retried, ...]
    """Their new tasks; empty in a dry run."""
    next_cursor: str | None
    """Where more may follow; ask again with it and the same filters."""


class DeadLetterRecord(msgspec.Struct, frozen=True):
    """A message that could not be worked off."""

    message_id: str
    reason: str
    sent_at: Moment
    task: TaskRecord | None
    """The task that it is about, where that can be told."""
    readable: bool
    """False for a message that this version of Wallify does not understand: it can only be removed."""
    bytes: int
    """Length of the message's body."""
    body: str | None
    """The message as it is, in lists its first 2,000 characters; null unless the token has the scope admin."""


class DeadLetters(msgspec.Struct, frozen=True):
    """Some of a queue's dead letters. Looking at them changes nothing."""

    queue: str
    letters: tuple[DeadLetterRecord, ...]


class LeftLetter(msgspec.Struct, frozen=True):
    """A dead letter that stays where it is."""

    message_id: str
    why: str
    """`unreadable`, `no_task` (its task is unknown or has expired) or `source_gone` (its file is gone)."""


class Redriven(msgspec.Struct, frozen=True):
    """What works again, and what stays among the dead letters."""

    queue: str
    tasks: tuple[TaskRecord, ...]
    left: tuple[LeftLetter, ...]


class DeadLetterAt(msgspec.Struct, frozen=True):
    """A dead letter's place."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, description="images, thumbnails or maintenance")]
    message_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100, description="As the list of them shows it.")]


class QueueAt(msgspec.Struct, frozen=True):
    """A queue's place."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, description="images, thumbnails or maintenance")]


class SomeQuery(msgspec.Struct, frozen=True):
    """How many."""

    limit: Limit = 50


@endpoint(
    "POST /task/retry/{task_id}",
    "Try a task again",
    scopes=(Scope.TASKS,),
    replies={202: Reply("The new task; final states never change.", TaskRecord, headers=("Location", "Retry-After"))},
    errors=(TaskNotFound, IllegalTransition, SourceGone, Unavailable),
)
def retry_task(ask: Ask, at: TaskAt) -> Answer:
    """For tasks that ended as FAILURE, REVOKED or PARTIAL. Asking twice finds the same new task."""
    return started(ask, wired().retries.retry(at.task_id))


@endpoint(
    "POST /tasks/retry",
    "Try all again that match",
    scopes=(Scope.TASKS,),
    replies={
        200: Reply("A dry run: what would be tried again.", RetriedTasks),
        202: Reply("What is tried again, a page at a time.", RetriedTasks),
    },
    errors=(Unavailable,),
)
def retry_tasks(ask: Ask, query: RetryQuery) -> Answer:
    """The filters of `GET /tasks`, of which at least one must be given.

    Failures whose reason may pass, unless `state` or `retryable` says otherwise; cancelled tasks only by
    `state=REVOKED`. A task that was tried again already never matches again. Parents, runs of schedules and tasks whose
    file is gone are left out. With `dry_run=true` nothing changes.
    """
    which = _which(ask, query)
    if is_on(query.dry_run):
        return _previewed(ask, query, which)
    page = wired().retries.retry_all(which, query.limit, given(query.cursor))
    told = RetriedTasks(
        dry_run=False,
        total=len(page.items),
        complete=page.next_cursor is None,
        matched=tuple(_candidate(ask, old) for old, _ in page.items),
        retried=tuple(Retried(old.task_id, new.task_id) for old, new in page.items),
        next_cursor=sealed(ask, query, page.next_cursor),
    )
    return data(told, 202).noting(f"{told.total} tried again")


@endpoint(
    "GET /queues/{name}/dead",
    "A queue's dead letters",
    scopes=(Scope.TASKS,),
    replies={200: Reply("Some of them, with their reasons.", DeadLetters)},
    errors=(NotFound, Unavailable),
)
def dead_letters(ask: Ask, at: QueueAt, query: SomeQuery) -> Answer:
    """Looking changes nothing, and the next look sees the same."""
    found = wired().burials.found(at.name, query.limit)
    return data(DeadLetters(at.name, tuple(_letter(ask, one, most=2_000) for one in found)))


@endpoint(
    "GET /queues/{name}/dead/{message_id}",
    "One dead letter",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The letter, with its whole message.", DeadLetterRecord)},
    errors=(NotFound, DeadLetterNotFound, Unavailable),
)
def dead_letter(ask: Ask, at: DeadLetterAt) -> Answer:
    """The message as it lies in the queue, readable or not."""
    return data(_letter(ask, wired().burials.one(at.name, at.message_id)))


@endpoint(
    "DELETE /queues/{name}/dead/{message_id}",
    "Remove a dead letter",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The letter that was removed, with its whole message.", DeadLetterRecord)},
    errors=(NotFound, DeadLetterNotFound, Unavailable),
)
def remove_dead_letter(ask: Ask, at: DeadLetterAt) -> Answer:
    """For good, also where it cannot be read or its file is gone. A task that still waits for it ends as FAILURE."""
    return data(_letter(ask, wired().burials.remove(at.name, at.message_id)))


@endpoint(
    "POST /queues/{name}/redrive",
    "Work off dead letters",
    scopes=(Scope.TASKS,),
    replies={202: Reply("The tasks that wait for a worker again.", Redriven)},
    errors=(NotFound, Unavailable),
)
def redrive(ask: Ask, at: QueueAt, query: SomeQuery) -> Answer:
    """A letter whose file is gone, or that cannot be read, stays where it is; the answer names each."""
    done = wired().burials.redrive(at.name, query.limit)
    left = tuple(LeftLetter(one.message_id, one.why) for one in done.left)
    return data(Redriven(at.name, tuple(task_record(ask, task) for task in done.tasks), left), 202)


_FILTERS = ("state", "type", "collection", "parent", "since", "until", "text")
_MOST_COUNTED = 500


def _which(ask: Ask, query: RetryQuery) -> RetryFilter:
    if all(getattr(query, name) is UNSET for name in _FILTERS):
        raise BadRequest("Give at least one filter: {allowed}.", parameter="state", allowed=list(_FILTERS))
    state, retryable = given(query.state) or RetryState.FAILURE, given(query.retryable)
    if retryable is not None and state is not RetryState.FAILURE:
        raise BadRequest("retryable belongs to state=FAILURE.", parameter="retryable")
    wanted = TaskFilter(
        status=Status(state),
        type=given(query.type),
        collection=given(query.collection),
        parent_id=given(query.parent),
        since=given(query.since),
        until=given(query.until),
        text=given(query.text),
    )
    return RetryFilter(wanted, _RETRYABLE[retryable or Retryable.TRUE], lambda task: is_found(ask, wanted, task))


_RETRYABLE = {Retryable.TRUE: True, Retryable.FALSE: False, Retryable.ANY: None}


def _previewed(ask: Ask, query: RetryQuery, which: RetryFilter) -> Answer:
    retries, cursor = wired().retries, given(query.cursor)
    page = retries.matching(which, query.limit, cursor)
    total, complete = retries.count(which, cursor, _MOST_COUNTED)
    told = RetriedTasks(
        dry_run=True,
        total=max(total, len(page.items)),
        complete=complete,
        matched=tuple(_candidate(ask, task) for task in page.items),
        retried=(),
        next_cursor=sealed(ask, query, page.next_cursor),
    )
    return data(told).noting(f"{told.total}{'' if complete else ' or more'} match")


def _candidate(ask: Ask, task: Task) -> RetryCandidate:
    task = as_seen(ask, task)
    subject, code = task.subject, task.error.code if task.error else None
    return RetryCandidate(
        task.task_id, task.type, task.status, subject.collection, subject.filename, code, task.created_at
    )


def _letter(ask: Ask, found: Found, most: int | None = None) -> DeadLetterRecord:
    letter, task = found.letter, found.task
    return DeadLetterRecord(
        message_id=letter.message_id,
        reason=found.reason,
        sent_at=letter.sent_at,
        task=task_record(ask, task) if task else None,
        readable=found.is_readable,
        bytes=len(letter.body.encode()),
        body=letter.body[:most] if ask.is_admin else None,
    )
