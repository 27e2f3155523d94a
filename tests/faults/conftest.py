from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.stores.memory import MemoryState
from chalicelib.wiring.outside import State
from tests.faults.cloud import Cloud, cloud_on_moto
from tests.world import World


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with cloud_on_moto() as cloud:
        yield cloud


@pytest.fixture(params=["memory", "dynamodb"])
def state(request: pytest.FixtureRequest) -> State:
    if request.param == "memory":
        return MemoryState()
    on_moto: Cloud = request.getfixturevalue("cloud")
    return on_moto.state()


@pytest.fixture
def world(state: State) -> World:
    return World(state)
