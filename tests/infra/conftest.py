from __future__ import annotations

import pytest

from cli.local.staging import tracked_config
from infra import stage
from infra.template import read


@pytest.fixture
def config() -> stage.Config:
    """`.chalice/config.json` as it is tracked."""
    return tracked_config()


@pytest.fixture
def outputs() -> dict[str, str]:
    """Outputs as the foundation has them, each with a value that shows where it came from."""
    return {name: f"the-{name}" for name in read()["Outputs"]}
