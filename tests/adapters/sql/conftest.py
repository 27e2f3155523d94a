from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts import databases
from tests.contracts.databases import emptied, postgresql


@pytest.fixture
def postgres() -> Iterator[str]:
    with emptied(postgresql()) as url:
        yield url


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return databases.sqlite(tmp_path)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """A database with empty tables."""
    address: str = request.getfixturevalue(request.param)
    return address
