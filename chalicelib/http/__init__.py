"""The HTTP layer: app adapter, request and response, parsing, validation, route declarations, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.admin.monitoring import Audit
    from chalicelib.admin.sessions import Sessions
    from chalicelib.admin.tokens import Tokens
    from chalicelib.keyring import Seals
    from chalicelib.ports import Metrics


class HttpSettings(Protocol):
    """Settings of the HTTP layer; see `chalicelib.settings.Settings` for units and bounds."""

    @property
    def cors_origin(self) -> str:
        """Origin of the pages that may call the API; empty for none."""

    @property
    def max_body_bytes(self) -> int:
        """Largest file in a request, in bytes."""

    @property
    def stage(self) -> str:
        """Name of the stage."""


class HttpServices(Protocol):
    """Services that the HTTP layer gets from the container."""

    @property
    def settings(self) -> HttpSettings:
        """Settings of the HTTP layer."""

    @property
    def audit(self) -> Audit:
        """The audit log."""

    @property
    def cursor_seals(self) -> Seals:
        """Keys that sign list cursors."""

    @property
    def file_type(self) -> Callable[[bytes], str | None]:
        """Type of a file by its first bytes, such as `png` or `svg`; None if it is unknown."""

    @property
    def is_picture(self) -> Callable[[bytes], bool]:
        """Test the first bytes of a file: True for a picture in an accepted format."""

    @property
    def metrics(self) -> Metrics:
        """Counters of refused requests and internal errors."""

    @property
    def sessions(self) -> Sessions:
        """Sessions of the monitor."""

    @property
    def tokens(self) -> Tokens:
        """API tokens."""


FORM_TYPE = "multipart/form-data"

_providers: list[Callable[[], HttpServices]] = []


def connect(provider: Callable[[], HttpServices]) -> None:
    """Set the provider of the services; it is called for each request."""
    _providers[:] = [provider]


def services() -> HttpServices:
    """Return the services. Raises LookupError before `connect`."""
    if not _providers:
        raise LookupError("The HTTP layer is not connected to a container.")
    return _providers[0]()
