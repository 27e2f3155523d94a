"""TaskStore over DynamoDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.adapters.counter_deltas import child_outcome
from chalicelib.adapters.dynamodb import items
from chalicelib.adapters.dynamodb.expressions import Condition, PutItem, UpdateItem
from chalicelib.adapters.dynamodb.items import task_item, task_of, time_to_live
from chalicelib.adapters.dynamodb.sharded_index import NO_FILTER, EntryFilter, ShardedIndex
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.adapters.serialization import decode, encode_time
from chalicelib.errors import Conflict, TaskNotFound
from chalicelib.paging import Page
from chalicelib.tasks.model import ChildCounts, Task, TaskFilter


class DynamoTasks:
    """See `chalicelib.ports.TaskStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._active = ShardedIndex(table, items.ACTIVE_INDEX, [f"ACTIVE#{shard}" for shard in range(items.SHARDS)])
        self._history = ShardedIndex(table, items.HISTORY_INDEX, [f"HISTORY#{shard}" for shard in range(items.SHARDS)])

    def add(self, task: Task) -> None:
        """See `TaskStore.add`."""
        known = Conflict("task.exists", task_id=task.task_id)
        stored = replace(task, version=0)
        self._table.commit(PutItem(task_item(stored), Condition.absent(lambda: known)), *_counted(None, stored))

    def get(self, task_id: str) -> Task:
        """See `TaskStore.get`."""
        item = self._table.get(items.task_key(task_id))
        if item is None:
            raise TaskNotFound(task_id=task_id)
        return task_of(item)

    def replace(self, before: Task, after: Task) -> Task:
        """See `TaskStore.replace`."""
        stored, changes = task_update(before, after)
        self._table.commit(*changes)
        return stored

    def active(self, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.active`."""
        return self._active.page(task_of, limit, cursor)

    def history(self, wanted: TaskFilter, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.history`."""
        return self._history.page(task_of, limit, cursor, _where(wanted))

    def children(self, parent_id: str, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.children`."""
        return ShardedIndex(self._table, items.CHILDREN_INDEX, [f"PARENT#{parent_id}"]).page(task_of, limit, cursor)

    def delete_expired(self, now: datetime, limit: int) -> int:  # noqa: ARG002  # the port's words
        """See `TaskStore.delete_expired`: the table's TTL does it."""
        return 0

    def child_counts(self, parent_id: str) -> ChildCounts:
        """See `TaskStore.child_counts`."""
        return decode(self._table.get(items.child_counts_key(parent_id)) or {}, ChildCounts)


def task_update(before: Task, after: Task) -> tuple[Task, tuple[PutItem, *tuple[UpdateItem, ...]]]:
    """The task as it will be stored, and the changes that put it in place of `before`."""
    stored = replace(after, version=before.version + 1)
    changed = Conflict("task.changed", task_id=before.task_id)
    put = PutItem(task_item(stored), Condition.version(before.version, lambda: changed))
    return stored, (put, *_counted(before, stored))


_TALLY_OUTLIVES_CHILD = timedelta(days=90)
"""As long as any parent is kept."""


def _counted(before: Task | None, after: Task) -> tuple[UpdateItem, ...]:
    ended_as = child_outcome(before, after)
    if ended_as is None:
        return ()
    end = after.expires_at and {"expires_at": time_to_live(after.expires_at + _TALLY_OUTLIVES_CHILD)}
    return (UpdateItem(items.child_counts_key(after.parent_id or ""), adds={ended_as: 1}, sets=end or {}),)


def _where(wanted: TaskFilter) -> EntryFilter:
    equal = {
        "#status": wanted.status,
        "#type": wanted.type,
        "#subject.#collection": wanted.collection,
        "#parent_id": wanted.parent_id,
    }
    tests = {path: str(value) for path, value in equal.items() if value is not None}
    names = {path: f":{path.rpartition('#')[2]}" for path in tests}
    return EntryFilter(
        low=encode_time(wanted.since) if wanted.since else NO_FILTER.low,
        high=encode_time(wanted.until) if wanted.until else NO_FILTER.high,
        filter=" AND ".join(f"{path} = {name}" for path, name in names.items()) or None,
        values={names[path]: value for path, value in tests.items()},
        matches=None if wanted.text is None else lambda item: wanted.matches(task_of(item)),
    )
