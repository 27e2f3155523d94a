"""Hundreds of cancels against as many ends (a thousand at night), on every way to keep state."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from bench.soak.backends import BACKENDS
from bench.soak.faults import FaultInjector, Rates
from chalicelib.errors import IllegalTransition
from chalicelib.images.model import CollectionStats
from chalicelib.tasks.model import Status
from tests.faults.quick import Quick, a_new_task, together
from tests.sizes import many_for
from tests.world import World

PEACE = Rates(kill=0.0, duplicate=0.0, errors=0.0)


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(store: str) -> Iterator[World]:
    with BACKENDS[store](FaultInjector(0, PEACE), 4, None) as backend:
        yield World(backend.state)


@pytest.mark.slow
def test_f36_of_cancelling_and_finishing_exactly_one_happens_each_time(world: World, store: str) -> None:
    job, ends = Quick(world), []
    for number in range(many_for(store) // 10):
        task = a_new_task(world, number)
        run = partial(world.services.worker.run, task.task_id, job)
        _, asked = together(run, partial(world.services.tasks.cancel, task.task_id))
        end = world.task(task).status
        assert isinstance(asked, IllegalTransition) == (end is Status.SUCCESS)
        ends.append(end)
    assert set(ends) <= {Status.SUCCESS, Status.REVOKED}
    done = ends.count(Status.SUCCESS)
    counted = world.services.state.catalog.stats("nature")
    assert counted == CollectionStats("nature", done, 100_000 * done, 1_000 * done)
