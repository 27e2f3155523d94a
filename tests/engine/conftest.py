"""What several tests of the engine need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PIL import Image

from tests.engine.limited_processes import Cage, caged


@pytest.fixture(scope="module")
def cage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cage]:
    """The engine in processes with real limits."""
    from tests.heics import a_heic  # noqa: PLC0415  its encoder is large

    with caged(tmp_path_factory.mktemp("cage") / "picture", a_heic(Image.new("RGB", (64, 64)))) as one:
        yield one
