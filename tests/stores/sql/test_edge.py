from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from chalicelib.errors import TooManyRequests, Unavailable
from chalicelib.stores.sql.edge import translated

STATES = {
    "serialization failure": ("40001", TooManyRequests),
    "deadlock": ("40P01", TooManyRequests),
    "lock timeout": ("55P03", TooManyRequests),
    "too many connections": ("53300", TooManyRequests),
    "connection failure": ("08006", Unavailable),
    "shutdown": ("57P01", Unavailable),
    "starting": ("57P03", Unavailable),
    "statement timeout": ("57014", Unavailable),
    "no code at all": (None, Unavailable),
}


@pytest.mark.parametrize(("state", "meaning"), STATES.values(), ids=STATES)
def test_postgresqls_codes_have_a_meaning(state: str | None, meaning: type[Exception]) -> None:
    cause: Any = SimpleNamespace(pgcode=state)
    with pytest.raises(meaning), translated():
        raise OperationalError("SELECT 1", {}, cause)


def test_a_unique_violation_is_no_fault_of_the_server() -> None:
    cause: Any = SimpleNamespace(pgcode="23505")
    with pytest.raises(DBAPIError), translated():
        raise DBAPIError("INSERT", {}, cause)


def test_a_pool_without_a_free_connection_is_busy() -> None:
    with pytest.raises(TooManyRequests), translated():
        raise NoConnectionFree
