"""F54: more workers than the database takes connections. A real PostgreSQL, which lets this role have five."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from threading import Barrier
from typing import TypeVar

import pytest
from chalice.app import Chalice
from sqlalchemy import Engine

from chalicelib import container
from chalicelib.adapters.sql import SqlState
from chalicelib.adapters.sql.database import engine_for
from chalicelib.errors import TooManyRequests
from chalicelib.http.routes import register
from chalicelib.images.model import CollectionStats
from chalicelib.tasks.model import Status
from chalicelib.tasks.worker import Redeliver
from tests.contracts.databases import emptied, execute, postgresql
from tests.faults.database import Base
from tests.faults.quick import Quick, a_new_task
from tests.http.gateway import Gateway, Got
from tests.world import ROOT, World

T = TypeVar("T")

CONNECTIONS, WORKERS, EACH = 5, 20, 5
MAKE = (
    "DROP OWNED BY thronged",
    f"ALTER ROLE thronged LOGIN CONNECTION LIMIT {CONNECTIONS}",
    "GRANT ALL ON ALL TABLES IN SCHEMA public TO thronged",
)


@pytest.fixture
def crowded() -> Iterator[str]:
    """The address of a database that takes five connections."""
    with emptied(postgresql()) as url:
        if not execute(url, "SELECT 1 FROM pg_roles WHERE rolname = 'thronged'"):
            execute(url, "CREATE ROLE thronged")
        for statement in MAKE:
            execute(url, statement)
        yield url.replace("postgres:@", "thronged:@")


def test_f54_twenty_workers_over_five_connections_lose_nothing(crowded: str) -> None:
    pauses: list[float] = []
    with ThreadPoolExecutor(WORKERS) as threads:
        ends = list(threads.map(partial(work, crowded, pauses, Barrier(WORKERS)), range(WORKERS)))
    assert (ends, len(pauses) > 0) == ([[Status.SUCCESS] * EACH] * WORKERS, True)
    assert all_are_given_back()
    with closing(SqlState(crowded)) as state:
        total = EACH * WORKERS
        assert state.catalog.stats("nature") == CollectionStats("nature", total, 100_000 * total, 1_000 * total)
        assert state.tasks.active(10).items == ()


@pytest.fixture
def full(crowded: str) -> Iterator[Engine]:
    """Somebody else has all five."""
    engine = engine_for(crowded, pool_size=CONNECTIONS)
    held = [engine.connect() for _ in range(CONNECTIONS)]
    yield engine
    for one in held:
        one.close()
    engine.dispose()


@pytest.mark.parametrize("kept", [0, 1], ids=["no connection kept", "one connection kept"])
def test_f54_a_client_hears_when_to_come_again_and_then_is_served(crowded: str, full: Engine, kept: int) -> None:
    engine = engine_for(crowded, pool_size=kept)
    world = World(Base(crowded, engine).state())
    first = asked(world)
    assert (first.status, "Retry-After" in first.headers) == (429, True)
    full.dispose()
    execute(postgresql(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'thronged'")
    assert asked(world).status == 200
    engine.dispose()


def test_f54_a_worker_that_gets_no_connection_keeps_its_message(crowded: str, full: Engine) -> None:
    engine = engine_for(crowded, pool_size=0)
    world = World(Base(crowded, engine).state())
    world.drop("incoming/nature/a.png")
    assert isinstance(world.deliver(), TooManyRequests)
    assert len(world.queue.messages) == 1
    engine.dispose()


def work(address: str, pauses: list[float], start: Barrier, number: int) -> list[Status]:
    """One worker, as a Lambda of its own that keeps no connection: it does its tasks one by one."""

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        time.sleep(seconds)  # the real wait between two tries; nothing is measured by it

    engine = engine_for(address, pool_size=0)
    world = World(Base(address, engine).state(pause))
    start.wait()
    return [done(world, f"{number}-{task}") for task in range(EACH)]


def done(world: World, number: str) -> Status:
    """The task's end; what is refused comes again, as its message would."""
    task = persistently(lambda: a_new_task(world, number))
    persistently(lambda: world.services.worker.run(task.task_id, Quick(world)))
    return persistently(lambda: world.task(task)).status


def persistently(act: Callable[[], T]) -> T:
    while True:
        with suppress(TooManyRequests, Redeliver):
            return act()


def asked(world: World) -> Got:
    app = Chalice("wallify", configure_logs=False)
    register(app)
    container.use(world.services)
    try:
        return Gateway(app, authorization=ROOT).get("/tasks/active")
    finally:
        container.use(None)


def all_are_given_back() -> bool:
    """True once the server has seen every connection end, which it does a moment after its client."""
    for _ in range(100):
        ((number,),) = execute(postgresql(), "SELECT count(*) FROM pg_stat_activity WHERE usename = 'thronged'")
        if number == 0:
            return True
        time.sleep(0.05)  # between looks; nothing is measured by it
    return False
