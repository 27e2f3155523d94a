"""Every test here runs against every back end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.ports import Catalog, TaskStore, TokenStore
from chalicelib.stores.memory import MemoryState
from tests.contracts.backends import State, dynamo_state, dynamodb_on_emulator, dynamodb_on_moto, emulator


@pytest.fixture(scope="session")
def emulator_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulator(Path(tmp_path_factory.mktemp("emulator"))) as address:
        yield address


@pytest.fixture(params=["memory", "dynamodb-moto", "dynamodb-emulator"])
def state(request: pytest.FixtureRequest) -> Iterator[State]:
    match request.param:
        case "memory":
            yield MemoryState()
        case "dynamodb-moto":
            with dynamodb_on_moto() as client:
                yield dynamo_state(client)
        case "dynamodb-emulator":
            yield dynamo_state(dynamodb_on_emulator(request.getfixturevalue("emulator_address")))


@pytest.fixture
def tasks(state: State) -> TaskStore:
    return state.tasks


@pytest.fixture
def catalog(state: State) -> Catalog:
    return state.catalog


@pytest.fixture
def tokens(state: State) -> TokenStore:
    return state.tokens
