"""F32: a storm on one collection. Its counters are exact afterwards, also where they were busy or broken."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import pytest

from chalicelib.container.adapters import State
from chalicelib.errors import TooManyRequests
from chalicelib.images.model import CollectionStats
from chalicelib.tasks.worker import Redeliver
from tests.faults.cloud import Cloud, Faults, dynamodb_error
from tests.faults.database import BUSY, Base, SqlFaults
from tests.faults.quick import Quick, a_new_task, together
from tests.maintenance_world import MaintenanceWorld
from tests.sizes import at_night
from tests.world import World

CROWD = 16
EACH = {
    "memory": at_night(60, else_take=10),
    "dynamodb": 2,
    "sqlite": at_night(8, else_take=2),
    "postgresql": at_night(30, else_take=4),
}
REFUSALS = 30


def storm(world: World, each: int) -> None:
    """Sixteen workers, each with so many pictures for the one collection."""
    together(*(partial(work, world, number, each) for number in range(CROWD)))


def work(world: World, worker: int, each: int) -> None:
    for number in range(each):
        task = a_new_task(world, f"{worker}-{number}")
        while not world.task(task).is_final:
            with suppress(TooManyRequests, Redeliver):
                world.services.worker.run(task.task_id, Quick(world))


def expected(each: int) -> CollectionStats:
    return CollectionStats("nature", CROWD * each, 100_000 * CROWD * each, 1_000 * CROWD * each)


def test_f32_a_popular_collection_is_counted_exactly(state: State, request: pytest.FixtureRequest) -> None:
    each = EACH[request.node.callspec.params["state"]]
    storm(World(state), each)
    assert state.catalog.stats("nature") == expected(each)


def test_f32_what_has_drifted_is_exact_again_after_the_next_count(state: State) -> None:
    world = MaintenanceWorld(state)
    for number in range(3):
        world.image(number)
    truth = world.recounted("nature")
    for images, weight in ((5, 1_000), (-7, -30)):
        world.drift("nature", images, weight)
        assert state.catalog.stats("nature") != truth
        world.run("stats")
        assert state.catalog.stats("nature") == truth


def test_f32_a_counter_that_is_throttled_is_exact_all_the_same(cloud: Cloud) -> None:
    state = cloud.state()
    faults = Faults(cloud.dynamodb, "dynamodb.TransactWriteItems")
    faults.refuse(400, dynamodb_error("ThrottlingException"), times=REFUSALS)
    storm(World(state), 2)
    assert state.catalog.stats("nature") == expected(2)
    assert faults.met >= REFUSALS


@pytest.mark.parametrize("what", [BUSY, "deadlock", "disturbed"])
def test_f32_a_counter_that_is_locked_is_exact_all_the_same(base: Base, what: str) -> None:
    state = base.state()
    faults = SqlFaults(base.engine, "INSERT INTO stats")
    faults.refuse(what, times=REFUSALS)
    storm(World(state), 2)
    assert state.catalog.stats("nature") == expected(2)
    assert faults.met >= REFUSALS
