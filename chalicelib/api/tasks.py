"""Looking at tasks and stopping them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.admin.model import Scope
from chalicelib.api.answers import Answer, data, if_changed
from chalicelib.api.asking import Ask
from chalicelib.api.auditing import path_and_options
from chalicelib.api.cursors import sealed
from chalicelib.api.endpoint import ANY_TOKEN, Audited, Reply, Tag, endpoint, schema
from chalicelib.api.task_record import (
    LOOK_AGAIN_SECONDS,
    TaskRecord,
    counted_record,
    full_task_record,
    started,
)
from chalicelib.api.vocabulary import CollectionName, Cursor, Id, Limit, TaskAt, given
from chalicelib.api.waiting import LOOK_AGAIN_WHEN_CROWDED, waited
from chalicelib.api.withholding import is_found
from chalicelib.container import container
from chalicelib.errors import IllegalTransition, TaskNotFound
from chalicelib.paging import Page
from chalicelib.tasks.model import Status, Task, TaskFilter, TaskType
from chalicelib.tasks.waiting import WaitResult

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
Words = Annotated[
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
    text: Words | UnsetType = UNSET


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
    errors=(TaskNotFound,),
)
def get_task(ask: Ask, at: TaskAt, query: StatusQuery) -> Answer:
    wait = given(query.wait)
    found = waited(ask, at.task_id, wait) if wait else WaitResult(container().tasks.get(at.task_id))
    answer = if_changed(ask, data(full_task_record(ask, found.task)))
    if found.task.is_final:
        return answer
    return answer.having(Retry_After=LOOK_AGAIN_WHEN_CROWDED if found.is_crowded else LOOK_AGAIN_SECONDS)


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
def list_active_tasks(ask: Ask, query: PageQuery) -> Answer:
    page = container().tasks.active(query.limit, given(query.cursor))
    told = ActiveTasks(
        active=_in_state(ask, page, Status.STARTED),
        reserved=_in_state(ask, page, Status.PENDING),
        scheduled=_in_state(ask, page, Status.RETRY),
        total=_count_from(page),
        next_cursor=sealed(ask, query, page.next_cursor),
    )
    return data(told)


@endpoint(
    "GET /tasks",
    operation="list_tasks",
    tag=Tag.TASKS,
    summary="List tasks",
    description="Newest first. A page may be short, or empty, and still have a next cursor.",
    scopes=(Scope.TASKS,),
    replies={200: Reply("A page of results.", TaskList)},
)
def list_tasks(ask: Ask, query: HistoryQuery) -> Answer:
    wanted = filter_of(query)
    page = container().tasks.history(wanted, query.limit, given(query.cursor))
    records = tuple(counted_record(ask, task) for task in page.items if is_found(ask, wanted, task))
    return data(TaskList(records, sealed(ask, query, page.next_cursor)))


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
    errors=(TaskNotFound, IllegalTransition),
    audit=Audited("cancel_task", path_and_options),
)
def cancel_task(ask: Ask, at: TaskAt) -> Answer:
    is_known = container().tasks.get(at.task_id).cancel_requested
    task = container().tasks.cancel(at.task_id)
    return data(counted_record(ask, task)) if task.is_final or is_known else started(ask, task)


def filter_of(query: HistoryQuery) -> TaskFilter:
    """What the query asks for."""
    return TaskFilter(
        status=given(query.state),
        type=given(query.type),
        collection=given(query.collection),
        parent_id=given(query.parent),
        since=given(query.since),
        until=given(query.until),
        text=given(query.text),
    )


def _in_state(ask: Ask, page: Page[Task], status: Status) -> tuple[TaskRecord, ...]:
    return tuple(counted_record(ask, task) for task in page.items if task.status is status)


def _count_from(page: Page[Task]) -> int:
    total = len(page.items)
    for _ in range(_MOST_COUNTED_PAGES):
        if page.next_cursor is None:
            break
        page = container().tasks.active(_COUNTED_PAGE, page.next_cursor)
        total += len(page.items)
    return total
