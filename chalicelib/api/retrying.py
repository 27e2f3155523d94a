"""Trying again: one task, all that match, and what lies among the dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.admin.model import Scope
from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.auditing import option_words, path_and_options
from chalicelib.api.cursors import sealed
from chalicelib.api.endpoint import Audited, Reply, Tag, endpoint, schema
from chalicelib.api.task_record import TaskRecord, started, task_record
from chalicelib.api.tasks import Collection, PageQuery, Since, Until, Words
from chalicelib.api.vocabulary import Id, Limit, Moment, Switch, TaskAt, given, is_on
from chalicelib.api.withholding import as_seen, is_found
from chalicelib.container import container
from chalicelib.errors import (
    BadRequest,
    DeadLetterNotFound,
    IllegalTransition,
    NotFound,
    SourceGone,
    TaskNotFound,
    Unavailable,
)
from chalicelib.tasks.dead_letters import DeadLetterDetails
from chalicelib.tasks.model import Status, Task, TaskFilter, TaskType
from chalicelib.tasks.retry import RetryFilter


@schema("RetryState", "States that a task can be retried from.")
class RetryState(StrEnum):
    """States that a task can be retried from."""

    FAILURE = "FAILURE"
    REVOKED = "REVOKED"
    PARTIAL = "PARTIAL"


@schema("Retryable", "Which failures to retry.")
class Retryable(StrEnum):
    """Which failures to retry."""

    TRUE = "true"
    FALSE = "false"
    ANY = "any"


class RetryQuery(PageQuery, frozen=True, kw_only=True):
    """Which tasks to try again; at least one filter is needed."""

    state: Annotated[RetryState, msgspec.Meta(description="Default: FAILURE.")] | UnsetType = UNSET
    type: TaskType | UnsetType = UNSET
    collection: Collection | UnsetType = UNSET
    parent: Id | UnsetType = UNSET
    since: Since | UnsetType = UNSET
    until: Until | UnsetType = UNSET
    text: Words | UnsetType = UNSET
    retryable: (
        Annotated[
            Retryable,
            msgspec.Meta(
                description=(
                    "true (default): failures that are worth another attempt; false: the others; any: all failures."
                )
            ),
        ]
        | UnsetType
    ) = UNSET
    dry_run: Annotated[Switch, msgspec.Meta(description="true: only report which tasks match.")] = "false"


@schema("RetryCandidate", "A task that matches.")
class RetryCandidate(msgspec.Struct, frozen=True):
    task_id: str
    type: TaskType
    status: Status
    collection: str | None
    filename: str | None
    error: Annotated[str | None, msgspec.Meta(description="Code of the task's error.")]
    created_at: Moment


@schema("RetriedTask", "A task that was retried, and the new task.")
class Retried(msgspec.Struct, frozen=True):
    task_id: str
    retried_as: str


@schema("RetryResult", "The tasks of this page that were retried or, in a dry run, would be.")
class RetriedTasks(msgspec.Struct, frozen=True, kw_only=True):
    dry_run: bool
    total: Annotated[
        int,
        msgspec.Meta(
            description=("Number of tasks retried from this page; in a dry run, number of matches from this page on.")
        ),
    ]
    complete: Annotated[
        bool, msgspec.Meta(description="False when more tasks may match than `total`; ask again with `next_cursor`.")
    ]
    matched: Annotated[tuple[RetryCandidate, ...], msgspec.Meta(description="The matching tasks of this page.")]
    retried: Annotated[tuple[Retried, ...], msgspec.Meta(description="The new tasks; empty in a dry run.")]
    next_cursor: Annotated[
        str | None,
        msgspec.Meta(description="Cursor of the next page, to be sent with the same filters; null on the last page."),
    ]


@schema("DeadLetter", "A message that could not be processed.")
class DeadLetterRecord(msgspec.Struct, frozen=True):
    message_id: str
    reason: str
    sent_at: Moment
    task: Annotated[
        TaskRecord | None, msgspec.Meta(description="The task of the message; null if it cannot be determined.")
    ]
    readable: Annotated[
        bool,
        msgspec.Meta(
            description=("False for a message that this version cannot parse; such a message can only be deleted.")
        ),
    ]
    bytes: Annotated[int, msgspec.Meta(description="Length of the message body in bytes.")]
    body: Annotated[
        str | None,
        msgspec.Meta(
            description=(
                "The message body, in lists its first 2,000 characters; null unless the token has the scope `admin`."
            )
        ),
    ]


@schema("DeadLetterList", "Dead letters of one queue. Reading them does not change them.")
class DeadLetters(msgspec.Struct, frozen=True):
    queue: str
    letters: tuple[DeadLetterRecord, ...]


@schema("SkippedDeadLetter", "A dead letter that was not redriven.")
class LeftLetter(msgspec.Struct, frozen=True):
    message_id: str
    why: Annotated[
        str,
        msgspec.Meta(
            description=(
                "`unreadable`, `no_task` (the task is unknown or has expired) or `source_gone` (the file is gone)."
            )
        ),
    ]


@schema("RedriveResult", "The tasks that were queued again and the dead letters that were skipped.")
class Redriven(msgspec.Struct, frozen=True):
    queue: str
    tasks: tuple[TaskRecord, ...]
    left: tuple[LeftLetter, ...]


class DeadLetterAt(msgspec.Struct, frozen=True):
    """A dead letter's place."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, description="images, thumbnails or maintenance")]
    message_id: Annotated[
        str, msgspec.Meta(min_length=1, max_length=100, description="Message id from the list of dead letters.")
    ]


class QueueAt(msgspec.Struct, frozen=True):
    """A queue's place."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, description="images, thumbnails or maintenance")]


class SomeQuery(msgspec.Struct, frozen=True):
    """How many."""

    limit: Limit = 50


@endpoint(
    "POST /task/retry/{task_id}",
    operation="retry_task",
    tag=Tag.TASKS,
    summary="Retry a task",
    description=(
        "Creates a new task for one that ended as FAILURE, REVOKED or PARTIAL. A repeated request returns the "
        "same new task."
    ),
    scopes=(Scope.TASKS,),
    replies={
        202: Reply("The new task; the old one keeps its final state.", TaskRecord, headers=("Location", "Retry-After"))
    },
    errors=(TaskNotFound, IllegalTransition, SourceGone, Unavailable),
    audit=Audited("retry_task", path_and_options),
)
def retry_task(ask: Ask, at: TaskAt) -> Answer:
    return started(ask, container().retries.retry(at.task_id))


def _retry_filters(parts: Mapping[str, Any]) -> str:
    """Audit target: the filters, including those that apply by default."""
    query = parts["query"]
    state = f"state={query.state if query.state is not UNSET else 'FAILURE'}"
    others = [said for said in option_words({"query": query}) if not said.startswith(("state=", "limit=", "cursor="))]
    return " ".join([state, *others])


@endpoint(
    "POST /tasks/retry",
    operation="retry_tasks",
    tag=Tag.TASKS,
    summary="Retry matching tasks",
    description=(
        "Takes the filters of `GET /tasks`; at least one is required.\n\n"
        "Matches failures that are worth another attempt, unless `state` or `retryable` says otherwise; "
        "cancelled tasks match only with `state=REVOKED`. A task that has been retried does not match again. "
        "Parent tasks, schedule runs and tasks whose file is gone are left out. With `dry_run=true` nothing "
        "changes."
    ),
    scopes=(Scope.TASKS,),
    replies={
        200: Reply("Dry run: the tasks that would be retried.", RetriedTasks),
        202: Reply("The tasks that are retried, one page at a time.", RetriedTasks),
    },
    errors=(Unavailable,),
    audit=Audited("retry_tasks", _retry_filters),
)
def retry_tasks(ask: Ask, query: RetryQuery) -> Answer:
    which = _which(ask, query)
    if is_on(query.dry_run):
        return _previewed(ask, query, which)
    page = container().retries.retry_all(which, query.limit, given(query.cursor))
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
    operation="list_dead_letters",
    tag=Tag.QUEUES,
    summary="List dead letters",
    description="Reading dead letters does not change them.",
    scopes=(Scope.TASKS,),
    replies={200: Reply("The dead letters with their reasons.", DeadLetters)},
    errors=(NotFound, Unavailable),
)
def list_dead_letters(ask: Ask, at: QueueAt, query: SomeQuery) -> Answer:
    found = container().dead_letters.found(at.name, query.limit)
    return data(DeadLetters(at.name, tuple(_letter(ask, one, most=2_000) for one in found)))


@endpoint(
    "GET /queues/{name}/dead/{message_id}",
    operation="get_dead_letter",
    tag=Tag.QUEUES,
    summary="Get a dead letter",
    description="Returns the whole message as it is in the queue, even when it cannot be parsed.",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The dead letter with its whole message.", DeadLetterRecord)},
    errors=(NotFound, DeadLetterNotFound, Unavailable),
)
def get_dead_letter(ask: Ask, at: DeadLetterAt) -> Answer:
    return data(_letter(ask, container().dead_letters.get(at.name, at.message_id)))


@endpoint(
    "DELETE /queues/{name}/dead/{message_id}",
    operation="delete_dead_letter",
    tag=Tag.QUEUES,
    summary="Delete a dead letter",
    description=(
        "Deletes the message permanently, even when it cannot be parsed or its file is gone. A task that still "
        "depends on it ends as FAILURE."
    ),
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The deleted dead letter with its whole message.", DeadLetterRecord)},
    errors=(NotFound, DeadLetterNotFound, Unavailable),
    audit=Audited("delete_dead_letter", path_and_options),
)
def delete_dead_letter(ask: Ask, at: DeadLetterAt) -> Answer:
    return data(_letter(ask, container().dead_letters.remove(at.name, at.message_id)))


@endpoint(
    "POST /queues/{name}/redrive",
    operation="redrive_dead_letters",
    tag=Tag.QUEUES,
    summary="Redrive dead letters",
    description=(
        "Queues the tasks of the dead letters again. A letter that cannot be parsed, or whose file is gone, is "
        "left in place; the answer lists each one with its reason."
    ),
    scopes=(Scope.TASKS,),
    replies={202: Reply("The tasks that are queued again.", Redriven)},
    errors=(NotFound, Unavailable),
    audit=Audited("redrive_dead_letters", path_and_options),
)
def redrive_dead_letters(ask: Ask, at: QueueAt, query: SomeQuery) -> Answer:
    done = container().dead_letters.redrive(at.name, query.limit)
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
    retries, cursor = container().retries, given(query.cursor)
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


def _letter(ask: Ask, found: DeadLetterDetails, most: int | None = None) -> DeadLetterRecord:
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
