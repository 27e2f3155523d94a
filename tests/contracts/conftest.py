"""Every test here runs against every back end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.adapters.memory import MemoryState
from chalicelib.ports import Catalog, TaskStore, TokenStore
from tests.contracts.backends import State, dynamo_state, dynamodb_at, dynamodb_on_moto, emulator
from tests.contracts.databases import emptied, postgresql, sql_state, sqlite


@pytest.fixture(scope="session")
def emulator_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulator(Path(tmp_path_factory.mktemp("emulator"))) as address:
        yield address


BACKENDS = ("memory", "dynamodb-moto", "dynamodb-emulator", "sqlite", "postgresql")


def pytest_addoption(parser: pytest.Parser) -> None:
    # Amazon's own DynamoDB Local is the referee for expressions; its licence and Java keep it out of daily runs.
    parser.addoption("--dynamodb-local", metavar="URL", help="hold a running DynamoDB Local to the contracts as well")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "state" in metafunc.fixturenames:
        referee = ["dynamodb-local"] if metafunc.config.getoption("--dynamodb-local", default=None) else []
        metafunc.parametrize("state", [*BACKENDS, *referee], indirect=True)


@pytest.fixture
def state(request: pytest.FixtureRequest) -> Iterator[State]:
    match request.param:
        case "memory":
            yield MemoryState()
        case "dynamodb-moto":
            with dynamodb_on_moto() as client:
                yield dynamo_state(client)
        case "dynamodb-emulator":
            yield dynamo_state(dynamodb_at(request.getfixturevalue("emulator_address")))
        case "sqlite":
            yield from sql_state(sqlite(request.getfixturevalue("tmp_path")))
        case "postgresql":
            with emptied(postgresql()) as url:
                yield from sql_state(url)
        case "dynamodb-local":
            yield dynamo_state(dynamodb_at(request.config.getoption("--dynamodb-local")))


@pytest.fixture
def tasks(state: State) -> TaskStore:
    return state.tasks


@pytest.fixture
def catalog(state: State) -> Catalog:
    return state.catalog


@pytest.fixture
def tokens(state: State) -> TokenStore:
    return state.tokens
