from __future__ import annotations

from collections.abc import Iterator

import pytest
from chalice.app import Chalice

from chalicelib import container
from chalicelib.http.routes import register
from tests.http.gateway import Gateway
from tests.http.memory_service import BOOTSTRAP, hire, memory_service


@pytest.fixture
def services() -> Iterator[container.Container]:
    """Services over memory, in use; nobody works on the uploads."""
    services = memory_service()
    container.use(services)
    yield services
    container.use(None)


@pytest.fixture
def working_services(services: container.Container) -> container.Container:
    """The same, with a worker."""
    hire(services)
    return services


@pytest.fixture(scope="session")
def app() -> Chalice:
    app = Chalice("wallify", configure_logs=False)
    register(app)
    return app


@pytest.fixture
def anyone(app: Chalice, services: container.Container) -> Gateway:
    """A client without a token."""
    return Gateway(app)


@pytest.fixture
def admin(app: Chalice, services: container.Container) -> Gateway:
    return Gateway(app, authorization=f"Bearer {BOOTSTRAP}")
