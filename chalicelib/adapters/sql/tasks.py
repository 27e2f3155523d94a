"""`TaskStore` over SQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select, update

from chalicelib.adapters.records import (
    child_position,
    decode,
    encode,
    encode_cursor,
    encode_time,
    make_page,
    time_position,
)
from chalicelib.adapters.sql.database import (
    SIBLINGS,
    TASKS_NEWEST_FIRST,
    TASKS_OLDEST_FIRST,
    SqlDatabase,
    insert_if_new,
    row_of,
)
from chalicelib.adapters.sql.models import ChildCountsRow, TaskRow
from chalicelib.errors import Conflict, TaskNotFound
from chalicelib.ports import Page
from chalicelib.tasks.model import ChildCounts, FirstClaim, Task, TaskFilter

TASKS = TaskRow.__table__
CHILD_COUNTS = [
    func.coalesce(func.sum(getattr(ChildCountsRow, field)), 0).label(field)
    for field in ("succeeded", "failed", "cancelled")
]
FILTERED_PAGE = 2_000
"""Tasks read for one page of a text search; it bounds the time of a request, and a page may be short."""


class SqlTasks:
    """See `chalicelib.ports.TaskStore`."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    def add(self, task: Task) -> None:
        """See `TaskStore.add`."""
        self._db.commit(partial(_add, replace(task, version=0)), partial(task_written_by, task.task_id))

    def get(self, task_id: str) -> Task:
        """See `TaskStore.get`."""
        return self._db.run(lambda connection: read_task(connection, task_id))

    def replace(self, before: Task, after: Task) -> Task:
        """See `TaskStore.replace`. Triggers update the parent's child counts (migration 0003)."""
        return self._db.commit(partial(update_task, before, after), partial(task_written_by, before.task_id))

    def claim(self, claim: FirstClaim) -> Task | None:
        """See `TaskStore.claim`; here the task is read in the same transaction."""
        try:
            return self._db.commit(partial(_claim, claim), partial(task_written_by, claim.task_id))
        except (Conflict, TaskNotFound):
            return None

    def active(self, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.active`."""
        statement = TASKS_OLDEST_FIRST.after(cursor, select(TASKS).where(~TaskRow.is_final))
        return make_page(((_place(task), task) for task in self._read(statement, limit + 1)), limit)

    def history(self, wanted: TaskFilter, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.history`."""
        look = limit + 1 if wanted.text is None else max(FILTERED_PAGE, limit + 1)
        seen = self._read(TASKS_NEWEST_FIRST.after(cursor, _filtered(wanted)), look)
        page = make_page(((_place(task), task) for task in seen if wanted.matches(task)), limit)
        if page.next_cursor is None and len(seen) == look:
            return replace(page, next_cursor=encode_cursor(_place(seen[-1])))
        return page

    def children(self, parent_id: str, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.children`."""
        statement = SIBLINGS.after(cursor, select(TASKS).where(TaskRow.parent_id == parent_id))
        return make_page(((child_position(task), task) for task in self._read(statement, limit + 1)), limit)

    def child_counts(self, parent_id: str) -> ChildCounts:
        """See `TaskStore.child_counts`."""
        statement = select(*CHILD_COUNTS).where(ChildCountsRow.parent_id == parent_id)
        return decode(
            dict(self._db.run(lambda connection: connection.execute(statement).mappings().one())), ChildCounts
        )

    def delete_expired(self, now: datetime, limit: int) -> int:
        """See `TaskStore.delete_expired`. In DynamoDB, TTL does this."""
        over = select(TaskRow.task_id).where(TaskRow.expires_at <= encode_time(now)).limit(limit)
        statement = delete(TaskRow).where(TaskRow.task_id.in_(over))
        return self._db.run(lambda connection: connection.execute(statement).rowcount)

    def _read(self, statement: Select[Any], limit: int) -> list[Task]:
        rows = self._db.run(lambda connection: connection.execute(statement.limit(limit)).mappings().all())
        return [decode(dict(row), Task) for row in rows]


def read_task(connection: Connection, task_id: str) -> Task:
    """Return the task. Raises TaskNotFound."""
    row = connection.execute(select(TASKS).where(TaskRow.task_id == task_id)).mappings().one_or_none()
    if row is None:
        raise TaskNotFound(task_id=task_id)
    return decode(dict(row), Task)


def update_task(before: Task, after: Task, connection: Connection, stamp: str) -> Task:
    """Replace `before` by `after` and return it as stored. Raises Conflict if the task has changed."""
    stored = replace(after, version=before.version + 1)
    unchanged = (TaskRow.task_id == before.task_id, TaskRow.version == before.version)
    if connection.execute(update(TaskRow).where(*unchanged).values(_task_row(stored, stamp))).rowcount != 1:
        raise Conflict("task.changed", task_id=before.task_id)
    return stored


def task_written_by(task_id: str, connection: Connection, stamp: str) -> Task | None:
    """Return the task if the call with this stamp wrote it last."""
    statement = select(TASKS).where(TaskRow.task_id == task_id, TaskRow.stamp == stamp)
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else decode(dict(row), Task)


def _claim(claim: FirstClaim, connection: Connection, stamp: str) -> Task:
    stored = read_task(connection, claim.task_id)
    if not claim.fits(stored):
        raise Conflict("task.changed", task_id=claim.task_id)
    return update_task(stored, claim.applied(stored), connection, stamp)


def _add(task: Task, connection: Connection, stamp: str) -> Task:
    if not insert_if_new(connection, TaskRow, _task_row(task, stamp)):
        raise Conflict("task.exists", task_id=task.task_id)
    return task


def _task_row(task: Task, stamp: str) -> dict[str, object]:
    found_by = {"collection": task.subject.collection, "is_final": task.is_final, "place": task.index or 0}
    return row_of(TaskRow, {**encode(task), **found_by, "stamp": stamp})


def _filtered(wanted: TaskFilter) -> Select[Any]:
    equal = {
        TaskRow.status: wanted.status,
        TaskRow.type: wanted.type,
        TaskRow.collection: wanted.collection,
        TaskRow.parent_id: wanted.parent_id,
    }
    statement = select(TASKS).where(*(column == value for column, value in equal.items() if value is not None))
    if wanted.since is not None:
        statement = statement.where(TaskRow.created_at >= encode_time(wanted.since))
    if wanted.until is not None:
        statement = statement.where(TaskRow.created_at < encode_time(wanted.until))
    return statement


def _place(task: Task) -> str:
    return time_position(task.created_at, task.task_id)
