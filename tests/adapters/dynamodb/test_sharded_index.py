from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.adapters.dynamodb.items import HISTORY_INDEX, Item, task_of
from chalicelib.adapters.dynamodb.table import EntryFilter, ShardedIndex, Table
from chalicelib.tasks.model import Task
from tests.builders import NOON, a_final_task
from tests.contracts.backends import TABLE, dynamo_state
from tests.contracts.watched import WatchedClient

SHARDS = [f"HISTORY#{shard}" for shard in range(4)]
WANTED = ("t03", "t11", "t29")


def is_wanted(item: Item) -> bool:
    return item["task_id"] in WANTED


WHERES = {
    "by DynamoDB": EntryFilter(filter="#owner = :owner", values={":owner": "me"}),
    "by ourselves": EntryFilter(matches=is_wanted),
}


def fill(client: WatchedClient) -> None:
    for number in range(40):
        owner = "me" if f"t{number:02}" in WANTED else None
        task = a_final_task(f"t{number:02}", created_at=NOON + timedelta(seconds=number), owner=owner)
        dynamo_state(client).tasks.add(task)


@pytest.mark.parametrize("where", WHERES.values(), ids=WHERES)
@pytest.mark.parametrize("extra_pages", [0, 1, 5])
def test_a_sparse_walk_that_is_cut_short_goes_on_where_it_stopped(
    client: WatchedClient, where: EntryFilter, extra_pages: int
) -> None:
    fill(client)
    walk = ShardedIndex(Table(client, TABLE), HISTORY_INDEX, SHARDS, sparse_page=3, extra_pages=extra_pages)
    found: list[Task] = []
    cursor = None
    for _ in range(100):
        before = client.queries
        page = walk.page(task_of, 1, cursor, where)
        assert client.queries - before <= len(SHARDS) + extra_pages
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [task.task_id for task in found] == ["t29", "t11", "t03"]


def test_a_page_may_be_empty_and_have_a_next_cursor(client: WatchedClient) -> None:
    fill(client)
    walk = ShardedIndex(Table(client, TABLE), HISTORY_INDEX, SHARDS, sparse_page=3, extra_pages=0)
    page = walk.page(task_of, 1, None, EntryFilter(matches=lambda item: item["task_id"] == "t00"))
    assert page.items == ()
    assert page.next_cursor is not None
