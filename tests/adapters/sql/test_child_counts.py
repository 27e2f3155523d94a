"""How children have ended is kept by the database itself, so it is right whoever writes, and costs the same always."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, event, func, inspect, select

from chalicelib.adapters.sql.database import SqlDatabase, engine_for
from chalicelib.adapters.sql.migrations import configuration, upgrade
from chalicelib.adapters.sql.models import ChildCountsRow
from chalicelib.adapters.sql.tasks import SqlTasks
from chalicelib.tasks.model import ChildCounts, Status, Task
from tests.builders import NOON, a_final_task, a_task
from tests.contracts.databases import a_new_database

pytestmark = pytest.mark.slow  # databases of the version before, and families large and small

BEFORE = "0002"
ENDS = (Status.SUCCESS, Status.FAILURE, Status.PARTIAL, Status.REVOKED)
WORKERS = 4


@pytest.fixture(params=["sqlite", "postgres"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database from before the tallies. What `SqlTasks` writes to it is what the workers of that time wrote."""
    if request.param == "sqlite":
        yield migrated(f"sqlite:///{tmp_path}/state.db")
    else:
        with a_new_database() as url:
            yield migrated(url)


def migrated(url: str) -> str:
    upgrade(url, BEFORE)
    return url


@contextmanager
def opened(url: str) -> Iterator[tuple[Engine, SqlTasks]]:
    engine = engine_for(url, pool_size=WORKERS)
    try:
        yield engine, SqlTasks(SqlDatabase(engine))
    finally:
        engine.dispose()


def children(tasks: SqlTasks, number: int, parent_id: str = "p1") -> list[Task]:
    """That many, waiting."""
    family = [a_task(f"{parent_id}-{index}", parent_id=parent_id, index=index) for index in range(number)]
    for child in family:
        tasks.add(child)
    return family


def end(tasks: SqlTasks, child: Task) -> None:
    tasks.replace(child, replace(child, status=ENDS[(child.index or 0) % len(ENDS)]))


def end_all(tasks: SqlTasks, family: Sequence[Task]) -> None:
    with ThreadPoolExecutor(WORKERS) as workers:
        list(workers.map(lambda child: end(tasks, child), family))


def test_children_that_ended_before_the_migration_are_counted_by_it(old: str) -> None:
    with opened(old) as (_, tasks):
        family = children(tasks, 40)
        tasks.add(a_final_task("alone"))
        end_all(tasks, family[:20])
        upgrade(old)
        assert (tasks.child_counts("p1"), tasks.child_counts("p2")) == (ChildCounts(5, 10, 5), ChildCounts())
        end_all(tasks, family[20:])
        assert tasks.child_counts("p1") == ChildCounts(10, 20, 10)


def test_children_that_end_while_the_migration_runs_are_counted(old: str) -> None:
    with opened(old) as (_, tasks), ThreadPoolExecutor(1) as beside:
        family = children(tasks, 120)
        end_all(tasks, family[:20])
        migration = beside.submit(upgrade, old)
        end_all(tasks, family[20:])
        migration.result()
        assert tasks.child_counts("p1") == ChildCounts(30, 60, 30)


def test_the_migration_can_be_undone_and_done_again(old: str) -> None:
    upgrade(old)
    with opened(old) as (engine, tasks):
        family = children(tasks, 8)
        end_all(tasks, family[:4])
        with engine.begin() as connection:
            command.downgrade(configuration(connection), BEFORE)
        assert "tallies" not in inspect(engine).get_table_names()
        end_all(tasks, family[4:])
        upgrade(old)
        assert tasks.child_counts("p1") == ChildCounts(2, 4, 2)


def test_a_tally_follows_a_child_wherever_it_goes(url: str) -> None:
    with opened(url) as (_, tasks):
        (child,) = children(tasks, 1)
        seen = []
        for status in (Status.FAILURE, Status.PENDING, Status.STARTED, Status.REVOKED, Status.SUCCESS):
            child = tasks.replace(child, replace(child, status=status))
            seen.append(tasks.child_counts("p1"))
        assert seen == [
            ChildCounts(failed=1),
            ChildCounts(),
            ChildCounts(),
            ChildCounts(cancelled=1),
            ChildCounts(succeeded=1),
        ]


def test_a_tally_is_forgotten_with_its_parent_and_not_before(url: str) -> None:
    with opened(url) as (engine, tasks):
        for name in ("p1", "p2"):
            end_all(tasks, children(tasks, 4, name))
        for number in range(4):
            tasks.add(a_final_task(f"over-{number}", parent_id="p1", index=number, expires_at=NOON))
        tasks.add(a_final_task("p2", children=4, expires_at=NOON))
        assert tasks.delete_expired(NOON, limit=100) == 5
        assert (tasks.child_counts("p1"), tasks.child_counts("p2")) == (ChildCounts(5, 2, 1), ChildCounts())
        assert rows(engine) == 4


def test_a_tally_has_few_rows_however_many_children(url: str) -> None:
    with opened(url) as (engine, tasks):
        end_all(tasks, children(tasks, 100))
        assert rows(engine) == 8


def rows(engine: Engine) -> int:
    with engine.begin() as connection:
        return int(connection.execute(select(func.count()).select_from(ChildCountsRow)).scalar_one())


def test_the_end_of_a_child_costs_the_same_among_few_siblings_and_among_many(sqlite: str) -> None:
    with opened(sqlite) as (engine, tasks):
        costs = []
        for siblings in (20, 300):
            *others, last = children(tasks, siblings, f"p{siblings}")
            for child in others:
                end(tasks, child)
            costs.append(steps(engine, partial(end_and_look, tasks, last)))
        assert 0 < costs[1] <= costs[0]


def end_and_look(tasks: SqlTasks, child: Task) -> None:
    end(tasks, child)
    assert tasks.child_counts(str(child.parent_id)) != ChildCounts()


def steps(engine: Engine, act: Callable[[], object]) -> int:
    """Steps of SQLite's machine; it walks a row with some of them."""
    counted: list[None] = []

    def watch(driver: Any, *_: object) -> None:  # noqa: ANN401  # sqlite3's
        driver.set_progress_handler(lambda: counted.append(None), 1)

    event.listen(engine, "checkout", watch)
    try:
        act()
    finally:
        event.remove(engine, "checkout", watch)
        with engine.connect() as connection:
            connection.connection.driver_connection.set_progress_handler(None, 1)  # type: ignore[union-attr]  # sqlite3's
    return len(counted)
