"""What several tests of the engine need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.limited_processes import Cage, caged


@pytest.fixture(scope="module")
def cage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cage]:
    """The engine in processes with real limits."""
    with caged(tmp_path_factory.mktemp("cage") / "picture") as one:
        yield one
