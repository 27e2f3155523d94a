"""The HTTP layer: app adapter, request and response, parsing, validation, route declarations, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.http.request import HttpServices

_providers: list[Callable[[], HttpServices]] = []


def connect(provider: Callable[[], HttpServices]) -> None:
    """Set the provider of the services; it is called for each request."""
    _providers[:] = [provider]


def services() -> HttpServices:
    """Return the services. Raises LookupError before `connect`."""
    if not _providers:
        raise LookupError("The HTTP layer is not connected to a container.")
    return _providers[0]()
