"""Looking at tasks and stopping them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.answers import Answer, data, if_changed
from chalicelib.api.asking import Ask
from chalicelib.api.cursors import sealed
from chalicelib.api.endpoint import ANY_TOKEN, Reply, endpoint
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
from chalicelib.core.paging import Page
from chalicelib.core.tasks import Status, Task, TaskFilter, TaskType
from chalicelib.core.tokens import Scope
from chalicelib.errors import IllegalTransition, TaskNotFound
from chalicelib.services.waiting import Waited
from chalicelib.wiring import wired

_MOST_COUNTED_PAGES, _COUNTED_PAGE = 20, 500

Seconds = Annotated[
    int,
    msgspec.Meta(
        ge=1,
        le=20,
        description="Answer when it is final, or so many seconds after the request came; sooner if many wait.",
    ),
]
Since = Annotated[datetime, msgspec.Meta(tz=True, description="Made at this moment or later, as 2026-03-04T12:00:00Z.")]
Until = Annotated[datetime, msgspec.Meta(tz=True, description="Made before this moment.")]
Words = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=200,
        description="Part of the file name, the collection, an id or the error, in any case.",
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


class TaskList(msgspec.Struct, frozen=True):
    """Tasks, newest first."""

    tasks: tuple[TaskRecord, ...]
    next_cursor: str | None
    """Continues after the last one; null at the end."""


class ActiveTasks(msgspec.Struct, frozen=True):
    """Tasks that are not final, oldest first, in the three lists that Celery's clients know."""

    active: tuple[TaskRecord, ...]
    """STARTED."""
    reserved: tuple[TaskRecord, ...]
    """PENDING."""
    scheduled: tuple[TaskRecord, ...]
    """RETRY: waiting for another attempt."""
    total: int
    """How many tasks are active from this page on, counted up to 10,000."""
    next_cursor: str | None


@endpoint(
    "GET /task/status/{task_id}",
    "How a task is doing",
    scopes=ANY_TOKEN,
    replies={
        200: Reply("The task.", TaskRecord, headers=("ETag", "Retry-After")),
        304: Reply("Nothing has changed since the answer with that ETag.", headers=("ETag", "Retry-After")),
    },
    errors=(TaskNotFound,),
)
def task_status(ask: Ask, at: TaskAt, query: StatusQuery) -> Answer:
    """Any valid token may ask. While the task is not final, `Retry-After` says when to look again."""
    wait = given(query.wait)
    found = waited(ask, at.task_id, wait) if wait else Waited(wired().tasks.get(at.task_id))
    answer = if_changed(ask, data(full_task_record(ask, found.task)))
    if found.task.is_final:
        return answer
    return answer.having(Retry_After=LOOK_AGAIN_WHEN_CROWDED if found.is_crowded else LOOK_AGAIN_SECONDS)


@endpoint(
    "GET /tasks/active",
    "Tasks that are not final",
    scopes=(Scope.TASKS,),
    replies={200: Reply("A page of them.", ActiveTasks)},
)
def active_tasks(ask: Ask, query: PageQuery) -> Answer:
    """Costs grow with the active tasks, not with history."""
    page = wired().tasks.active(query.limit, given(query.cursor))
    told = ActiveTasks(
        active=_in_state(ask, page, Status.STARTED),
        reserved=_in_state(ask, page, Status.PENDING),
        scheduled=_in_state(ask, page, Status.RETRY),
        total=_count_from(page),
        next_cursor=sealed(ask, query, page.next_cursor),
    )
    return data(told)


@endpoint(
    "GET /tasks", "All tasks that we remember", scopes=(Scope.TASKS,), replies={200: Reply("A page of them.", TaskList)}
)
def tasks(ask: Ask, query: HistoryQuery) -> Answer:
    """Newest first. A page may be short, even empty, and still have a next cursor."""
    wanted = filter_of(query)
    page = wired().tasks.history(wanted, query.limit, given(query.cursor))
    records = tuple(counted_record(ask, task) for task in page.items if is_found(ask, wanted, task))
    return data(TaskList(records, sealed(ask, query, page.next_cursor)))


@endpoint(
    "POST /task/cancel/{task_id}",
    "Stop a task",
    scopes=(Scope.TASKS,),
    replies={
        200: Reply("It waited: it is REVOKED and will never run. Or it was asked to stop before.", TaskRecord),
        202: Reply("It runs: it will stop at its next step.", TaskRecord, headers=("Location", "Retry-After")),
    },
    errors=(TaskNotFound, IllegalTransition),
)
def cancel_task(ask: Ask, at: TaskAt) -> Answer:
    """Cancelling twice is no error and changes nothing; a task that ended otherwise stays as it is (409)."""
    is_known = wired().tasks.get(at.task_id).cancel_requested
    task = wired().tasks.cancel(at.task_id)
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
        page = wired().tasks.active(_COUNTED_PAGE, page.next_cursor)
        total += len(page.items)
    return total
