"""F53, F52: what a look at active tasks reads among very many others, counted where each store counts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from chalice.app import Chalice
from moto.backends import get_backend
from moto.dynamodb.models.dynamo_type import DynamoType
from sqlalchemy import event, text

from bench.soak.quick_moto import read_again
from chalicelib import container
from chalicelib.adapters.sql.models import TaskRow
from chalicelib.container.adapters import State
from chalicelib.http.routes import register
from tests.builders import a_final_task, a_task
from tests.contracts.backends import TABLE, dynamo_state, dynamodb_on_moto
from tests.contracts.databases import postgresql, truncate
from tests.faults.database import Base, base_on_postgresql, base_on_sqlite
from tests.http.gateway import Gateway
from tests.world import ROOT, World

ACTIVE, FEW, MANY = 10, 100, 100_000
ACCOUNT = "123456789012"  # moto's own
FINISHED, WAITING = "finished", "active-0"
"""Ids of the tasks that there are many copies of."""
A_LEVEL = 2
"""Pages: PostgreSQL's index of ten times as many may be a level deeper, and begin elsewhere in a page."""
Look = Callable[[State], None]


@pytest.mark.slow
@pytest.mark.parametrize("store", ["dynamodb", "sqlite", "postgresql"])
def test_f53_ten_active_among_100_000_finished_cost_no_more_than_among_100(store: str, tmp_path: Path) -> None:
    few, many = (READS[store](FINISHED, number, tmp_path, ask) for number in (FEW, MANY))
    assert 0 < many <= few


@pytest.mark.slow
@pytest.mark.parametrize("store", ["dynamodb", "sqlite", "postgresql"])
def test_f52_a_page_of_the_active_costs_no_more_among_10_000_that_wait_than_among_1_000(
    store: str, tmp_path: Path
) -> None:
    few, many = (READS[store](WAITING, number, tmp_path, look_at_a_page) for number in (1_000, 10_000))
    assert 0 < many <= few + A_LEVEL


def look_at_a_page(state: State) -> None:
    """As the sweeper and a page of the API do."""
    page = state.tasks.active(50)
    assert (len(page.items), page.next_cursor is None) == (50, False)


def in_dynamodb(pattern: str, copies: int, _: Path, look: Look) -> int:
    """Items looked at and queries sent."""
    with dynamodb_on_moto() as client:
        state = dynamo_state(client)
        fill(state)
        multiply_in_moto(pattern, copies)
        client.looked_at = client.queries = 0
        look(state)
        return client.looked_at + client.queries


def in_sqlite(pattern: str, copies: int, folder: Path, look: Look) -> int:
    """Steps of SQLite's machine: it walks a row with some of them."""
    folder = folder / str(copies)
    folder.mkdir()
    with base_on_sqlite(folder) as base, filled(base, pattern, copies) as state:
        steps: list[None] = []

        def watch(driver: Any, *_: object) -> None:  # noqa: ANN401  # sqlite3's
            driver.set_progress_handler(lambda: steps.append(None), 1)

        event.listen(base.engine, "checkout", watch)
        look(state)
        return len(steps)


def in_postgresql(pattern: str, copies: int, _: Path, look: Look) -> int:
    """Pages that its plans touched, as EXPLAIN ANALYZE counts them."""
    truncate(postgresql())
    with base_on_postgresql() as base, filled(base, pattern, copies) as state:
        pages: list[int] = []

        def explain(cursor: Any, statement: str, parameters: object, _: object) -> None:  # noqa: ANN401  # psycopg2's
            if statement.startswith("SELECT"):
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
                pages.append(touched(cursor.fetchone()[0][0]["Plan"]))

        event.listen(base.engine, "do_execute", explain)
        look(state)
        return sum(pages)


READS = {"dynamodb": in_dynamodb, "sqlite": in_sqlite, "postgresql": in_postgresql}


@contextmanager
def filled(base: Base, pattern: str, copies: int) -> Iterator[State]:
    """Ten active tasks and a finished one, and copies of one, which the database makes by itself."""
    state = base.state()
    fill(state)
    names = [column.name for column in TaskRow.__table__.columns if column.name != "task_id"]
    columns = ", ".join(f'"{name}"' for name in names)
    with base.engine.begin() as connection:
        connection.execute(text(COPIES.format(columns=columns)), {"more": copies, "pattern": pattern})
        connection.execute(text("ANALYZE"))
    yield state
    state.close()


COPIES = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :more)
INSERT INTO tasks (task_id, {columns})
SELECT task_id || '-' || n, {columns} FROM tasks, numbers WHERE task_id = :pattern
"""


def fill(state: State) -> None:
    for number in range(ACTIVE):
        state.tasks.add(a_task(f"active-{number}"))
    state.tasks.add(a_final_task(FINISHED))


def multiply_in_moto(task_id: str, copies: int) -> None:
    """Copies of the finished task under keys of their own; what they say is stored once, or memory would not do."""
    table = get_backend("dynamodb")[ACCOUNT]["us-east-1"].tables[TABLE]
    (pattern,) = (item for item in table.all_items() if item.hash_key.value.endswith(task_id))
    for number in range(copies):
        one = copy.copy(pattern)
        one.hash_key = DynamoType({"S": f"{pattern.hash_key.value}-{number}"})
        table.items[one.hash_key][one.range_key] = one
    read_again(table)


def ask(state: State) -> None:
    """The route, as a client asks it."""
    app = Chalice("wallify", configure_logs=False)
    register(app)
    container.use(World(state).services)
    try:
        answer = Gateway(app, authorization=ROOT).get("/tasks/active?limit=50")
    finally:
        container.use(None)
    assert (answer.status, answer.json["total"], len(answer.json["reserved"])) == (200, ACTIVE, ACTIVE)


def touched(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])
