from __future__ import annotations

from collections.abc import Iterator

import pytest
from chalice.app import Chalice

from chalicelib import api, wiring
from tests.api.gateway import Gateway
from tests.api.house import BOOTSTRAP, a_house, hire


@pytest.fixture
def house() -> Iterator[wiring.Container]:
    """Services over memory, in use; nobody works on the uploads."""
    services = a_house()
    wiring.use(services)
    yield services
    wiring.use(None)


@pytest.fixture
def busy_house(house: wiring.Container) -> wiring.Container:
    """The same, with a worker."""
    hire(house)
    return house


@pytest.fixture(scope="session")
def app() -> Chalice:
    app = Chalice("wallify", configure_logs=False)
    api.register(app)
    return app


@pytest.fixture
def anyone(app: Chalice, house: wiring.Container) -> Gateway:
    """A client without a token."""
    return Gateway(app)


@pytest.fixture
def admin(app: Chalice, house: wiring.Container) -> Gateway:
    return Gateway(app, authorization=f"Bearer {BOOTSTRAP}")
