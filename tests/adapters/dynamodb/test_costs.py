from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.tasks.model import TaskFilter
from chalicelib.tasks.service import RecentTaskCache
from tests.builders import NOON, FrozenClock, a_final_task, a_task
from tests.contracts.backends import dynamo_state
from tests.contracts.watched import WatchedClient


@pytest.mark.parametrize("finished", [3, 150])
def test_active_costs_grow_with_the_active_tasks_not_with_history(client: WatchedClient, finished: int) -> None:
    tasks = dynamo_state(client).tasks
    for number in range(10):
        tasks.add(a_task(f"active-{number}"))
    for number in range(finished):
        tasks.add(a_final_task(f"finished-{number}", created_at=NOON + timedelta(seconds=number)))
    page = tasks.active(50)
    assert (len(page.items), client.looked_at, client.queries) == (10, 10, 1)


def test_a_page_of_active_tasks_reads_a_page_of_each_shard_at_most(client: WatchedClient) -> None:
    tasks = dynamo_state(client).tasks
    for number in range(60):
        tasks.add(a_task(f"t{number}"))
    tasks.active(5)
    assert client.looked_at <= 6 + 4 * (5 + 2)


def test_a_page_of_history_reads_a_page_of_each_shard_at_most(client: WatchedClient) -> None:
    tasks = dynamo_state(client).tasks
    for number in range(60):
        tasks.add(a_final_task(f"t{number}"))
    tasks.history(TaskFilter(), 5)
    assert client.looked_at <= 4 * (5 + 2)


def test_a_while_that_is_over_costs_nothing_of_what_came_after(client: WatchedClient) -> None:
    tasks = dynamo_state(client).tasks
    for number in range(40):
        tasks.add(a_final_task(f"t{number}", created_at=NOON + timedelta(hours=number)))
    page = tasks.history(TaskFilter(until=NOON + timedelta(hours=2), text="t"), 20)
    assert (len(page.items), client.looked_at) == (2, 2)


@pytest.mark.parametrize("past", [20, 200])
def test_a_second_look_at_the_newest_tasks_does_not_read_the_past_again(client: WatchedClient, past: int) -> None:
    tasks = dynamo_state(client).tasks
    clock = FrozenClock(NOON + timedelta(hours=3))
    for number in range(past):
        tasks.add(a_final_task(f"old{number}", created_at=NOON))
    tasks.add(a_task("open", created_at=NOON))
    recent = RecentTaskCache(tasks, clock)
    recent.since(NOON)
    tasks.add(a_final_task("new", created_at=clock.now()))
    client.looked_at = client.queries = 0

    found = recent.since(NOON)

    assert len(found.tasks) == past + 2
    assert (client.looked_at, client.queries) == (2, 5)
