"""F53: what `GET /tasks/active` reads among very many finished tasks, counted where each store counts."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from chalice.app import Chalice
from moto.backends import get_backend
from moto.dynamodb.models.dynamo_type import DynamoType
from sqlalchemy import event, text

from chalicelib import api, wiring
from chalicelib.stores.sql.models import TaskRow
from chalicelib.wiring.outside import State
from tests.api.gateway import Gateway
from tests.builders import a_final_task, a_task
from tests.contracts.backends import TABLE, dynamo_state, dynamodb_on_moto
from tests.faults.database import Base, base_on_postgresql, base_on_sqlite
from tests.world import ROOT, World

ACTIVE, FEW, MANY = 10, 100, 100_000
ACCOUNT = "123456789012"  # moto's own
PATTERN = a_final_task("finished")


@pytest.mark.slow
@pytest.mark.parametrize("store", ["dynamodb", "sqlite", "postgresql"])
def test_f53_ten_active_among_100_000_finished_cost_no_more_than_among_100(store: str, tmp_path: Path) -> None:
    among = {"dynamodb": in_dynamodb, "sqlite": in_sqlite, "postgresql": in_postgresql}[store]
    few, many = among(FEW, tmp_path), among(MANY, tmp_path / "many")
    assert 0 < many <= few


def in_dynamodb(finished: int, _: Path) -> int:
    """Items looked at and queries sent."""
    with dynamodb_on_moto() as client:
        state = dynamo_state(client)
        fill(state)
        multiply_in_moto(finished)
        client.looked_at = client.queries = 0
        ask(state)
        return client.looked_at + client.queries


def in_sqlite(finished: int, folder: Path) -> int:
    """Steps of SQLite's machine: it walks a row with some of them."""
    folder.mkdir(exist_ok=True)
    with base_on_sqlite(folder) as base, filled(base, finished) as state:
        steps: list[None] = []

        def watch(driver: Any, *_: object) -> None:  # noqa: ANN401  # sqlite3's
            driver.set_progress_handler(lambda: steps.append(None), 1)

        event.listen(base.engine, "checkout", watch)
        ask(state)
        return len(steps)


def in_postgresql(finished: int, _: Path) -> int:
    """Pages that its plans touched, as EXPLAIN ANALYZE counts them."""
    with base_on_postgresql() as base, filled(base, finished) as state:
        pages: list[int] = []

        def explain(cursor: Any, statement: str, parameters: object, _: object) -> None:  # noqa: ANN401  # psycopg2's
            if statement.startswith("SELECT"):
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
                pages.append(touched(cursor.fetchone()[0][0]["Plan"]))

        event.listen(base.engine, "do_execute", explain)
        ask(state)
        return sum(pages)


@contextmanager
def filled(base: Base, finished: int) -> Iterator[State]:
    """Ten active tasks, and copies of a finished one, which the database makes by itself."""
    state = base.state()
    fill(state)
    names = [column.name for column in TaskRow.__table__.columns if column.name != "task_id"]
    columns = ", ".join(f'"{name}"' for name in names)
    with base.engine.begin() as connection:
        connection.execute(text(COPIES.format(columns=columns)), {"more": finished})
        connection.execute(text("ANALYZE"))
    yield state
    state.close()


COPIES = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :more)
INSERT INTO tasks (task_id, {columns}) SELECT 'finished-' || n, {columns} FROM tasks, numbers WHERE task_id = 'finished'
"""


def fill(state: State) -> None:
    for number in range(ACTIVE):
        state.tasks.add(a_task(f"active-{number}"))
    state.tasks.add(PATTERN)


def multiply_in_moto(finished: int) -> None:
    """Copies of the finished task under keys of their own; what they say is stored once, or memory would not do."""
    table = get_backend("dynamodb")[ACCOUNT]["us-east-1"].tables[TABLE]
    (pattern,) = (item for item in table.all_items() if "finished" in item.hash_key.value)
    for number in range(finished):
        one = copy.copy(pattern)
        one.hash_key = DynamoType({"S": f"{pattern.hash_key.value}-{number}"})
        table.items[one.hash_key][one.range_key] = one


def ask(state: State) -> None:
    """The route, as a client asks it."""
    app = Chalice("wallify", configure_logs=False)
    api.register(app)
    wiring.use(World(state).wired)
    try:
        answer = Gateway(app, authorization=ROOT).get("/tasks/active?limit=50")
    finally:
        wiring.use(None)
    assert (answer.status, answer.json["total"], len(answer.json["reserved"])) == (200, ACTIVE, ACTIVE)


def touched(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])
