"""The services that the HTTP layer itself uses. The container connects them; HTTP does not know how they are built.

Routes lie in the rooms and take their use cases from the container directly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from chalicelib.admin.audit import Audit
from chalicelib.admin.sessions import Sessions
from chalicelib.admin.tokens import Tokens
from chalicelib.keyring import Seals
from chalicelib.ports import Metrics


class HttpSettings(Protocol):
    """Settings of the HTTP layer; see `chalicelib.settings.Settings` for units and bounds."""

    @property
    def cors_origin(self) -> str:
        """Origin of the pages that may call the API; empty: none."""

    @property
    def max_body_bytes(self) -> int:
        """Largest file in a request."""

    @property
    def stage(self) -> str:
        """Name of the stage."""


class HttpServices(Protocol):
    """What the container offers to the HTTP layer."""

    @property
    def settings(self) -> HttpSettings:
        """Settings of the HTTP layer."""

    @property
    def audit(self) -> Audit:
        """The audit log."""

    @property
    def cursor_seals(self) -> Seals:
        """Seals of list cursors."""

    @property
    def metrics(self) -> Metrics:
        """Counters of refusals and faults."""

    @property
    def sessions(self) -> Sessions:
        """Sessions of the monitor."""

    @property
    def tokens(self) -> Tokens:
        """API tokens."""


_routes: list[str] = []
_providers: list[Callable[[], HttpServices]] = []


def connect(provider: Callable[[], HttpServices]) -> None:
    """Use what the provider returns at the moment of each request."""
    _providers[:] = [provider]


def services() -> HttpServices:
    """The connected services; LookupError before `connect`."""
    if not _providers:
        raise LookupError("The HTTP layer is not connected to a container.")
    return _providers[0]()


def remember_routes(routes: Sequence[str]) -> None:
    """Keep the routes of this deployment, such as `GET /tasks`."""
    _routes[:] = sorted(set(routes))


def registered_routes() -> tuple[str, ...]:
    """The routes of this deployment, in alphabetical order."""
    return tuple(_routes)
