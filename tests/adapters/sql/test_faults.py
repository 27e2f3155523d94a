"""Faults of a real PostgreSQL: connections that die at every point of a transaction, deadlocks, a full server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg2
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from chalicelib.adapters.sql.admin import SqlSchedules, SqlTokens
from chalicelib.adapters.sql.catalog import SqlCatalog
from chalicelib.adapters.sql.database import SqlDatabase, engine_for
from chalicelib.adapters.sql.tasks import SqlTasks
from chalicelib.errors import Conflict, Misconfigured, Unavailable
from chalicelib.images.model import CollectionStats
from chalicelib.tasks.model import ChildCounts
from tests.builders import NOON, a_final_task, a_rendition, a_task, a_token, an_image
from tests.contracts.databases import execute

CHILD = a_task(parent_id="p1", index=0)
DONE = a_final_task(parent_id="p1", index=0)


@pytest.fixture
def engine(postgres: str) -> Iterator[Engine]:
    engine = engine_for(postgres, pool_size=2)
    yield engine
    engine.dispose()


@pytest.fixture
def database(engine: Engine) -> SqlDatabase:
    return SqlDatabase(engine, sleep=lambda _: None)


def die(connection: Connection) -> None:
    """The server ends this very connection."""
    connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


Commit = Callable[[Any], None]


def breaking(engine: Engine, monkeypatch: pytest.MonkeyPatch, *, done: bool) -> None:
    """The next commit is done (or not), and nobody hears of it."""
    commit: Commit = engine.dialect.do_commit
    turns = iter([True])

    def do_commit(connection: Any) -> None:  # noqa: ANN401  # psycopg2's
        if not next(turns, False):
            commit(connection)
            return
        if done:
            commit(connection)
        connection.close()
        raise psycopg2.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(engine.dialect, "do_commit", do_commit)


either = pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])


@either
def test_a_task_is_added_once_whatever_becomes_of_the_commit(
    engine: Engine,
    database: SqlDatabase,
    monkeypatch: pytest.MonkeyPatch,
    done: bool,  # noqa: FBT001
) -> None:
    breaking(engine, monkeypatch, done=done)
    SqlTasks(database).add(a_task())
    assert SqlTasks(database).get("t1") == a_task()


@either
def test_a_child_ends_once_whatever_becomes_of_the_commit(
    engine: Engine,
    database: SqlDatabase,
    monkeypatch: pytest.MonkeyPatch,
    done: bool,  # noqa: FBT001
) -> None:
    tasks = SqlTasks(database)
    tasks.add(CHILD)
    breaking(engine, monkeypatch, done=done)
    assert tasks.replace(CHILD, DONE) == tasks.get("t1") == replace(DONE, version=1)
    assert tasks.child_counts("p1") == ChildCounts(succeeded=1)


@either
def test_an_image_lives_its_life_once_whatever_becomes_of_the_commits(
    engine: Engine,
    database: SqlDatabase,
    monkeypatch: pytest.MonkeyPatch,
    done: bool,  # noqa: FBT001
) -> None:
    catalog = SqlCatalog(database)
    SqlTasks(database).add(CHILD)
    breaking(engine, monkeypatch, done=done)
    catalog.publish(an_image(), [a_rendition()], before=CHILD, after=DONE)
    breaking(engine, monkeypatch, done=done)
    moved = catalog.revise(catalog.image("i1"), an_image(collection="cities"))
    assert moved == catalog.image("i1")
    breaking(engine, monkeypatch, done=done)
    catalog.correct_stats(CollectionStats("cities", 2, 20, 200), catalog.stats_with_version("cities")[1])
    assert catalog.stats("cities") == CollectionStats("cities", 3, 100_020, 1_200)
    breaking(engine, monkeypatch, done=done)
    catalog.remove(moved)
    assert (catalog.stats("cities"), catalog.existing(["i1"])) == (CollectionStats("cities", 2, 20, 200), {})


@either
def test_a_token_and_a_schedule_are_kept_once_whatever_becomes_of_the_commits(
    engine: Engine,
    database: SqlDatabase,
    monkeypatch: pytest.MonkeyPatch,
    done: bool,  # noqa: FBT001
) -> None:
    tokens, schedules = SqlTokens(database), SqlSchedules(database)
    breaking(engine, monkeypatch, done=done)
    tokens.add(a_token())
    breaking(engine, monkeypatch, done=done)
    revised = tokens.revise(a_token(), a_token(revoked_at=NOON))
    assert tokens.all() == (revised,) == (a_token(revoked_at=NOON, version=1),)
    breaking(engine, monkeypatch, done=done)
    tokens.used(revised.digest, NOON)
    assert tokens.all() == (replace(revised, last_used_at=NOON),)
    fresh = schedules.get("cleanup")
    breaking(engine, monkeypatch, done=done)
    assert schedules.replace(fresh, replace(fresh, last_task_id="t1")) == schedules.get("cleanup")


def test_somebody_elses_change_is_a_conflict_also_when_our_commit_fell_silent(
    engine: Engine, database: SqlDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = SqlTasks(database)
    tasks.add(a_task())
    tasks.replace(a_task(), a_task(owner="somebody else"))
    breaking(engine, monkeypatch, done=False)
    with pytest.raises(Conflict):
        tasks.replace(a_task(), a_task(owner="me"))


def test_work_whose_connection_dies_is_done_again_from_its_start(database: SqlDatabase) -> None:
    attempts = iter(range(9))

    def work(connection: Connection) -> int:
        attempt = next(attempts)
        connection.execute(text("INSERT INTO digests VALUES ('nature', 'abc', 'i1')"))
        if attempt == 0:
            die(connection)
        return attempt

    assert database.run(work) == 1


def test_a_connection_that_died_in_the_pool_is_noticed_before_use(postgres: str, engine: Engine) -> None:
    slept: list[float] = []
    tasks = SqlTasks(SqlDatabase(engine, sleep=slept.append))
    tasks.add(a_task())
    execute(postgres, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    assert tasks.get("t1") == a_task()
    assert slept == []


@pytest.mark.slow  # the database looks for a deadlock after a second
def test_of_two_who_wait_for_each_other_both_get_through(database: SqlDatabase) -> None:
    tasks = SqlTasks(database)
    for number in (1, 2):
        tasks.add(a_task(f"t{number}"))
    both_hold_one = threading.Barrier(2)
    attempted = text("UPDATE tasks SET attempts = attempts + 1 WHERE task_id = :task_id")

    def touch(first: str, second: str) -> int:
        attempts = iter(range(1, 9))

        def work(connection: Connection) -> int:
            attempt = next(attempts)
            connection.execute(attempted, {"task_id": first})
            if attempt == 1:
                both_hold_one.wait()
            connection.execute(attempted, {"task_id": second})
            return attempt

        return database.run(work)

    with ThreadPoolExecutor(2) as threads:
        attempts = list(threads.map(touch, ("t1", "t2"), ("t2", "t1")))
    # The victim may lose again against the same one, and then wins.
    assert max(attempts) > 1
    assert [tasks.get(f"t{number}").attempts for number in (1, 2)] == [2, 2]


def test_a_full_server_is_busy_and_then_it_is_not(postgres: str) -> None:
    execute(postgres, "DROP ROLE IF EXISTS crowded")
    execute(postgres, "CREATE ROLE crowded LOGIN SUPERUSER")
    execute(postgres, "ALTER ROLE crowded NOSUPERUSER CONNECTION LIMIT 1")
    engine = engine_for(postgres.replace("postgres:@", "crowded:@"), pool_size=2)
    held = [engine.connect()]
    database = SqlDatabase(engine, sleep=lambda _: held.pop().close() if held else None)
    assert database.run(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1
    engine.dispose()


def test_a_server_that_is_not_there_is_told_after_a_few_tries() -> None:
    slept: list[float] = []
    engine = engine_for("postgresql://nobody@/none?host=/nowhere", pool_size=1)
    with pytest.raises(Unavailable):
        SqlDatabase(engine, sleep=slept.append).run(lambda _: None)
    assert len(slept) == 2


def test_an_error_that_says_we_are_wrong_passes_as_it_is(database: SqlDatabase) -> None:
    with pytest.raises(ProgrammingError):
        database.run(lambda connection: connection.execute(text("SELECT 1 FROM")))


@pytest.mark.parametrize("statement", ["SELECT * FROM nothing", "SELECT nonsense"])
def test_a_migration_that_is_missing_is_a_fault_of_the_configuration(database: SqlDatabase, statement: str) -> None:
    with pytest.raises(Misconfigured) as wrong:
        database.run(lambda connection: connection.execute(text(statement)))

    assert wrong.value.cause["service"] == "database"
    assert wrong.value.cause["reason"].endswith("does not exist")
