"""Routes that list, cancel and retry tasks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib import errors, storage
from chalicelib.admin.scopes import Scope
from chalicelib.container import container
from chalicelib.http.parsing import signed_cursor
from chalicelib.http.request import (
    CollectionName,
    Cursor,
    Id,
    Limit,
    Request,
    Response,
    Switch,
    TaskPath,
    Timestamp,
    conditional,
    is_on,
    json_response,
    or_none,
)
from chalicelib.http.routing import ANY_TOKEN, Audited, Reply, Tag, endpoint, option_words, path_and_options, schema
from chalicelib.images.model import Image
from chalicelib.ports import Page
from chalicelib.tasks.model import Status, Task, TaskFilter, TaskType
from chalicelib.tasks.retry import RetryFilter
from chalicelib.tasks.schemas import (
    POLL_SECONDS,
    TaskRecord,
    counted_record,
    full_task_record,
    is_found,
    redacted_task,
    task_started,
)
from chalicelib.tasks.service import WaitResult
from chalicelib.uploads.routes import POLL_SECONDS_WHEN_BUSY, wait_for_task

_MOST_COUNTED_PAGES, _COUNTED_PAGE = 20, 500

Seconds = Annotated[
    int,
    msgspec.Meta(
        ge=1,
        le=20,
        description=(
            "Seconds to wait for the task to become final; the answer may come sooner when many requests wait."
        ),
    ),
]
Since = Annotated[
    datetime, msgspec.Meta(tz=True, description="Created at or after this time, such as 2026-03-04T12:00:00Z.")
]
Until = Annotated[datetime, msgspec.Meta(tz=True, description="Created before this time.")]
TaskSearchText = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=200,
        description="Part of the file name, the collection, an id or the error; case does not matter.",
    ),
]
Collection = CollectionName


class StatusQuery(msgspec.Struct, frozen=True):
    """How to look at a task."""

    wait: Seconds | UnsetType = UNSET


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of a list."""

    limit: Limit = 50
    cursor: Cursor | UnsetType = UNSET


class HistoryQuery(PageQuery, frozen=True, kw_only=True):
    """Which tasks."""

    state: Status | UnsetType = UNSET
    type: TaskType | UnsetType = UNSET
    collection: Collection | UnsetType = UNSET
    parent: Id | UnsetType = UNSET
    since: Since | UnsetType = UNSET
    until: Until | UnsetType = UNSET
    text: TaskSearchText | UnsetType = UNSET


@schema("TaskList", "A page of tasks, newest first.")
class TaskList(msgspec.Struct, frozen=True):
    tasks: tuple[TaskRecord, ...]
    next_cursor: Annotated[str | None, msgspec.Meta(description="Cursor of the next page; null on the last page.")]


@schema("ActiveTasks", "Tasks that are not final, oldest first, in the three lists that Celery clients know.")
class ActiveTasks(msgspec.Struct, frozen=True):
    active: Annotated[tuple[TaskRecord, ...], msgspec.Meta(description="Tasks in the state STARTED.")]
    reserved: Annotated[tuple[TaskRecord, ...], msgspec.Meta(description="Tasks in the state PENDING.")]
    scheduled: Annotated[
        tuple[TaskRecord, ...], msgspec.Meta(description="Tasks in the state RETRY, waiting for another attempt.")
    ]
    total: Annotated[int, msgspec.Meta(description="Number of active tasks from this page on, counted up to 10,000.")]
    next_cursor: str | None


schema("TaskStatus", "The state of a task; the last four are final.")(Status)
schema("TaskType", "The kinds of tasks.")(TaskType)


@endpoint(
    "GET /task/status/{task_id}",
    operation="get_task",
    tag=Tag.TASKS,
    summary="Get a task",
    description=("Any valid token may call this. While the task is not final, `Retry-After` says when to ask again."),
    scopes=ANY_TOKEN,
    replies={
        200: Reply("The task.", TaskRecord, headers=("ETag", "Retry-After")),
        304: Reply("Not changed since the answer with that ETag.", headers=("ETag", "Retry-After")),
    },
    errors=(errors.TaskNotFound,),
)
def get_task(request: Request, path: TaskPath, query: StatusQuery) -> Response:
    wait = or_none(query.wait) if container().settings.sync_wait_seconds else None
    found, image = (wait_for_task(request, path.task_id, wait), None) if wait else _with_image(path.task_id)
    answer = conditional(request, json_response(full_task_record(request, found.task, image)))
    if found.task.is_final:
        return answer
    return answer.with_headers(Retry_After=POLL_SECONDS_WHEN_BUSY if found.is_crowded else POLL_SECONDS)


def _with_image(task_id: str) -> tuple[WaitResult, Image | None]:
    """Return the task, and the image that it makes if it is a new upload: one read, as the id is known before."""
    task, image = container().state.catalog.task_and_image(task_id, storage.image_id_of(task_id))
    return WaitResult(task), image


@endpoint(
    "GET /tasks/active",
    operation="list_active_tasks",
    tag=Tag.TASKS,
    summary="List active tasks",
    description=(
        "Lists the tasks that are not final. The cost grows with the number of active tasks, not with the history."
    ),
    scopes=(Scope.TASKS,),
    replies={200: Reply("A page of results.", ActiveTasks)},
)
def list_active_tasks(request: Request, query: PageQuery) -> Response:
    page = container().tasks.active(query.limit, or_none(query.cursor))
    reply = ActiveTasks(
        active=_in_state(request, page, Status.STARTED),
        reserved=_in_state(request, page, Status.PENDING),
        scheduled=_in_state(request, page, Status.RETRY),
        total=_count_from(page),
        next_cursor=signed_cursor(request, query, page.next_cursor),
    )
    return json_response(reply)


@endpoint(
    "GET /tasks",
    operation="list_tasks",
    tag=Tag.TASKS,
    summary="List tasks",
    description="Newest first. A page may be short, or empty, and still have a next cursor.",
    scopes=(Scope.TASKS,),
    replies={200: Reply("A page of results.", TaskList)},
)
def list_tasks(request: Request, query: HistoryQuery) -> Response:
    wanted = filter_of(query)
    page = container().tasks.history(wanted, query.limit, or_none(query.cursor))
    records = tuple(counted_record(request, task) for task in page.items if is_found(request, wanted, task))
    return json_response(TaskList(records, signed_cursor(request, query, page.next_cursor)))


@endpoint(
    "POST /task/cancel/{task_id}",
    operation="cancel_task",
    tag=Tag.TASKS,
    summary="Cancel a task",
    description=(
        "Cancelling a task twice changes nothing. A task that has ended in another state is not changed (409)."
    ),
    scopes=(Scope.TASKS,),
    replies={
        200: Reply("The task was waiting and is now REVOKED, or cancelling was requested before.", TaskRecord),
        202: Reply(
            "The task is running; it will stop at its next step.", TaskRecord, headers=("Location", "Retry-After")
        ),
    },
    errors=(errors.TaskNotFound, errors.IllegalTransition),
    audit=Audited("cancel_task", path_and_options),
)
def cancel_task(request: Request, path: TaskPath) -> Response:
    is_known = container().tasks.get(path.task_id).cancel_requested
    task = container().tasks.cancel(path.task_id)
    return json_response(counted_record(request, task)) if task.is_final or is_known else task_started(request, task)


def filter_of(query: HistoryQuery) -> TaskFilter:
    """What the query asks for."""
    return TaskFilter(
        status=or_none(query.state),
        type=or_none(query.type),
        collection=or_none(query.collection),
        parent_id=or_none(query.parent),
        since=or_none(query.since),
        until=or_none(query.until),
        text=or_none(query.text),
    )


def _in_state(request: Request, page: Page[Task], status: Status) -> tuple[TaskRecord, ...]:
    return tuple(counted_record(request, task) for task in page.items if task.status is status)


def _count_from(page: Page[Task]) -> int:
    total = len(page.items)
    for _ in range(_MOST_COUNTED_PAGES):
        if page.next_cursor is None:
            break
        page = container().tasks.active(_COUNTED_PAGE, page.next_cursor)
        total += len(page.items)
    return total


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
    text: TaskSearchText | UnsetType = UNSET
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
    created_at: Timestamp


@schema("RetriedTask", "A task that was retried, and the new task.")
class RetriedTask(msgspec.Struct, frozen=True):
    task_id: str
    retried_as: str


@schema("RetryResult", "The tasks of this page that were retried or, in a dry run, would be.")
class RetryResult(msgspec.Struct, frozen=True, kw_only=True):
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
    retried: Annotated[tuple[RetriedTask, ...], msgspec.Meta(description="The new tasks; empty in a dry run.")]
    next_cursor: Annotated[
        str | None,
        msgspec.Meta(description="Cursor of the next page, to be sent with the same filters; null on the last page."),
    ]


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
    errors=(errors.TaskNotFound, errors.IllegalTransition, errors.SourceGone, errors.Unavailable),
    audit=Audited("retry_task", path_and_options),
)
def retry_task(request: Request, path: TaskPath) -> Response:
    return task_started(request, container().retries.retry(path.task_id))


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
        200: Reply("Dry run: the tasks that would be retried.", RetryResult),
        202: Reply("The tasks that are retried, one page at a time.", RetryResult),
    },
    errors=(errors.Unavailable,),
    audit=Audited("retry_tasks", _retry_filters),
)
def retry_tasks(request: Request, query: RetryQuery) -> Response:
    which = _which(request, query)
    if is_on(query.dry_run):
        return _previewed(request, query, which)
    page = container().retries.retry_all(which, query.limit, or_none(query.cursor))
    reply = RetryResult(
        dry_run=False,
        total=len(page.items),
        complete=page.next_cursor is None,
        matched=tuple(_candidate(request, old) for old, _ in page.items),
        retried=tuple(RetriedTask(old.task_id, new.task_id) for old, new in page.items),
        next_cursor=signed_cursor(request, query, page.next_cursor),
    )
    return json_response(reply, 202).with_outcome(f"{reply.total} tried again")


_FILTERS = ("state", "type", "collection", "parent", "since", "until", "text")
_MOST_COUNTED = 500


def _which(request: Request, query: RetryQuery) -> RetryFilter:
    if all(getattr(query, name) is UNSET for name in _FILTERS):
        raise errors.BadRequest("filter.required", parameter="state", allowed=list(_FILTERS))
    state, retryable = or_none(query.state) or RetryState.FAILURE, or_none(query.retryable)
    if retryable is not None and state is not RetryState.FAILURE:
        raise errors.BadRequest("retry.retryable_needs_failure", parameter="retryable")
    wanted = TaskFilter(
        status=Status(state),
        type=or_none(query.type),
        collection=or_none(query.collection),
        parent_id=or_none(query.parent),
        since=or_none(query.since),
        until=or_none(query.until),
        text=or_none(query.text),
    )
    return RetryFilter(wanted, _RETRYABLE[retryable or Retryable.TRUE], lambda task: is_found(request, wanted, task))


_RETRYABLE = {Retryable.TRUE: True, Retryable.FALSE: False, Retryable.ANY: None}


def _previewed(request: Request, query: RetryQuery, which: RetryFilter) -> Response:
    retries, cursor = container().retries, or_none(query.cursor)
    page = retries.matching(which, query.limit, cursor)
    total, complete = retries.count(which, cursor, _MOST_COUNTED)
    reply = RetryResult(
        dry_run=True,
        total=max(total, len(page.items)),
        complete=complete,
        matched=tuple(_candidate(request, task) for task in page.items),
        retried=(),
        next_cursor=signed_cursor(request, query, page.next_cursor),
    )
    return json_response(reply).with_outcome(f"{reply.total}{'' if complete else ' or more'} match")


def _candidate(request: Request, task: Task) -> RetryCandidate:
    task = redacted_task(request, task)
    subject, code = task.subject, task.error.code if task.error else None
    return RetryCandidate(
        task.task_id, task.type, task.status, subject.collection, subject.filename, code, task.created_at
    )
