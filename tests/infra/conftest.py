from __future__ import annotations

import pytest

from bench.suites.start import packaged
from cli.local.staging import code_runs_in_place, tracked_config
from infra import stage
from infra.template import read
from tests.infra.package import Package
from tests.once import once


@pytest.fixture
def config() -> stage.Config:
    """`.chalice/config.json` as it is tracked."""
    return tracked_config()


@pytest.fixture
def outputs() -> dict[str, str]:
    """Outputs as the foundation has them, each with a value that shows where it came from."""
    return {name: f"the-{name}" for name in read()["Outputs"]}


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The project as Chalice packages it for AWS."""
    if code_runs_in_place():
        pytest.skip("packaging for AWS needs Python 3.12 or newer")
    return Package(once(tmp_path_factory, "package", packaged))


@pytest.fixture(scope="session")
def sql_package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The same for a stage with state in SQL."""
    if code_runs_in_place():
        pytest.skip("packaging for AWS needs Python 3.12 or newer")
    return Package(once(tmp_path_factory, "sql-package", lambda home: packaged(home, "sqlite:///nowhere.db")))
