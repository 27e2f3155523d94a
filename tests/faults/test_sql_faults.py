"""A database refuses, falls silent, or does as told without anybody hearing of it: on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.errors import TooManyRequests
from chalicelib.tasks.model import Status
from chalicelib.tasks.worker import FAILPOINTS, Redeliver
from tests.contracts.databases import execute
from tests.faults.database import BROKEN, BUSY, Base, SqlFaults, base_on_postgresql
from tests.faults.oracle import judge
from tests.world import World, a_png

PICTURE = ("nature", a_png())
STATEMENTS = ("SELECT", "INSERT INTO tasks", "UPDATE tasks", "INSERT INTO images", "INSERT INTO stats")
CHANGES = STATEMENTS[1:]
every_change = pytest.mark.parametrize("statement", CHANGES)


@pytest.fixture
def on_sql(base: Base) -> World:
    return World(base.state())


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("what", [BUSY, "full"])
def test_f28_a_busy_database_is_asked_again(on_sql: World, base: Base, what: str, statement: str) -> None:
    faults = SqlFaults(base.engine, statement)
    faults.refuse(what, times=4)
    on_sql.upload()
    on_sql.rest()
    assert faults.met == 4
    judge(on_sql, PICTURE)


def test_f28_a_database_that_stays_busy_sends_the_message_back(on_sql: World, base: Base) -> None:
    on_sql.upload()
    faults = SqlFaults(base.engine, "UPDATE tasks")
    faults.refuse(BUSY, times=25)
    assert isinstance(on_sql.deliver(), TooManyRequests)
    on_sql.rest()
    assert faults.met == 25
    judge(on_sql, PICTURE)


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("what", [BROKEN, "too slow"])
def test_f28_a_database_that_breaks_is_asked_again(on_sql: World, base: Base, what: str, statement: str) -> None:
    faults = SqlFaults(base.engine, statement)
    faults.refuse(what, times=2)
    on_sql.upload()
    on_sql.rest()
    assert faults.met == 2
    judge(on_sql, PICTURE)


@every_change
@pytest.mark.parametrize("what", ["deadlock", "disturbed"])
def test_f30_f56_a_transaction_that_another_one_disturbed_is_tried_again(
    on_sql: World, base: Base, what: str, statement: str
) -> None:
    faults = SqlFaults(base.engine, statement)
    faults.refuse(what, times=3)
    on_sql.upload()
    on_sql.rest()
    assert faults.met == 3
    judge(on_sql, PICTURE)


LOST = {"done": (True, 1), "not done": (False, 1), "not done, twice": (False, 2)}


@every_change
@pytest.mark.parametrize(("done", "times"), LOST.values(), ids=LOST)
def test_f31_f55_a_commit_without_an_answer_is_done_once(
    on_sql: World,
    base: Base,
    statement: str,
    done: bool,  # noqa: FBT001  # a parameter of the test
    times: int,
) -> None:
    faults = SqlFaults(base.engine, statement)
    faults.lose_answers(times=times, done=done)
    task = on_sql.upload()
    on_sql.rest()
    assert (faults.met, on_sql.task(task).attempts) == (times, 1)
    judge(on_sql, PICTURE)


@pytest.mark.parametrize("checkpoint", FAILPOINTS)
def test_f55_a_failover_at_any_step_is_not_noticed(on_sql: World, base: Base, checkpoint: str) -> None:
    task = on_sql.upload()
    on_sql.when(checkpoint, base.end_connections)
    on_sql.rest()
    assert (on_sql.task(task).status, on_sql.task(task).attempts) == (Status.SUCCESS, 1)
    judge(on_sql, PICTURE)


@pytest.fixture
def lasting() -> Iterator[Base]:
    """A PostgreSQL that has written each commit before it says so; the other tests' does not wait for that."""
    with base_on_postgresql() as base:
        execute(base.url, "ALTER ROLE postgres SET synchronous_commit = on")
        yield base
        execute(base.url, "ALTER ROLE postgres RESET synchronous_commit")


@pytest.mark.parametrize("checkpoint", FAILPOINTS)
def test_f55_a_server_that_crashes_and_recovers_has_lost_nothing(lasting: Base, checkpoint: str) -> None:
    world = World(lasting.state())
    task = world.upload()
    world.when(checkpoint, lasting.crash)
    world.rest()
    assert (world.task(task).status, world.task(task).attempts) == (Status.SUCCESS, 1)
    judge(world, PICTURE)


def test_f55_a_database_that_stays_away_loses_no_upload(on_sql: World, base: Base) -> None:
    task = on_sql.upload()
    faults = SqlFaults(base.engine, "INSERT INTO images")
    faults.refuse(BROKEN, times=7)
    assert isinstance(on_sql.deliver(), Redeliver)
    on_sql.rest()
    assert (faults.met, on_sql.task(task).status) == (7, Status.SUCCESS)
    judge(on_sql, PICTURE)
