"""Every named fault runs on every way to keep state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chalice.app import Chalice

from chalicelib import container
from chalicelib.adapters.memory import MemoryState
from chalicelib.container.adapters import State
from chalicelib.http.routes import register
from tests.contracts.databases import emptied, postgresql, sql_state, sqlite
from tests.faults.cloud import Cloud, cloud_on_moto
from tests.faults.database import Base, base_on_postgresql, base_on_sqlite
from tests.http.gateway import Gateway
from tests.world import ROOT, World

STORES = ("memory", "sqlite", "dynamodb", "postgresql")


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with cloud_on_moto() as cloud:
        yield cloud


@pytest.fixture(params=["sqlite", "postgresql"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Base]:
    with base_on_sqlite(tmp_path) if request.param == "sqlite" else base_on_postgresql() as base:
        yield base


@pytest.fixture(params=STORES)
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    match request.param:
        case "memory":
            yield MemoryState()
        case "dynamodb":
            on_moto: Cloud = request.getfixturevalue("cloud")
            yield on_moto.state()
        case "sqlite":
            yield from sql_state(sqlite(tmp_path))
        case "postgresql":
            with emptied(postgresql()) as url:
                yield from sql_state(url)


@pytest.fixture
def world(state: State) -> World:
    return World(state)


@pytest.fixture(scope="session")
def app() -> Chalice:
    app = Chalice("wallify", configure_logs=False)
    register(app)
    return app


@pytest.fixture
def client(app: Chalice, world: World) -> Iterator[Gateway]:
    """Who may do everything, over the world's services."""
    container.use(world.services)
    yield Gateway(app, authorization=ROOT)
    container.use(None)
