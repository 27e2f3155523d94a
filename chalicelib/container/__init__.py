"""Builds every service from the settings: the only place that connects use cases with adapters."""

from __future__ import annotations

from chalicelib.container.admin import AdminServices
from chalicelib.container.jobs import JobServices
from chalicelib.http.services import connect
from chalicelib.settings import load

__all__ = ["Container", "container", "use"]


class Container(AdminServices, JobServices):
    """The services of one process, each built when first asked for. Tests may set any of them before that."""


_process: list[Container] = []


def container() -> Container:
    """The services of this process, built from the environment when first asked for."""
    if not _process:
        _process.append(Container(load()))
    return _process[0]


def use(other: Container | None) -> None:
    """Put another set of services in place (tests); None forgets it, so that the next caller builds anew."""
    _process[:] = [other] if other else []


connect(container)
