from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contracts.backends import dynamodb_on_moto
from tests.contracts.watched import WatchedClient


@pytest.fixture
def client() -> Iterator[WatchedClient]:
    with dynamodb_on_moto() as client:
        yield client
