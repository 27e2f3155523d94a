"""Builds every service from the settings; no other package connects use cases with adapters."""

from __future__ import annotations

from chalicelib.container.jobs import JobServices
from chalicelib.container.services import AdminServices
from chalicelib.engine.file_types import announced, is_picture
from chalicelib.http.routes import connect
from chalicelib.settings import load

__all__ = ["Container", "container", "use"]


class Container(AdminServices, JobServices):
    """Services of one process, each built on first use. Tests may set any of them before that."""

    # The HTTP layer asks for these here, as it does not know the engine.
    file_type = staticmethod(announced)
    is_picture = staticmethod(is_picture)


_process: list[Container] = []


def container() -> Container:
    """Return the services of this process, built from the environment on the first call."""
    if not _process:
        _process.append(Container(load()))
    return _process[0]


def use(other: Container | None) -> None:
    """Replace the services of this process (tests).

    None removes them, so that the next call of `container` builds anew.
    """
    _process[:] = [other] if other else []


connect(container)
