"""Builds every service from the settings; no other package connects use cases with adapters."""

# Imports sit inside the builder on purpose: what a function never uses must not slow its start.
# ruff: noqa: PLC0415

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.container.jobs import JobServices
from chalicelib.container.services import AdminServices
from chalicelib.engine.file_types import announced, is_picture
from chalicelib.http.routes import connect
from chalicelib.settings import load

if TYPE_CHECKING:
    from chalicelib.delivery.on_demand import OnDemand

__all__ = ["Container", "container", "use"]


class Container(AdminServices, JobServices):
    """Services of one process, each built on first use. Tests may set any of them before that."""

    # The HTTP layer asks for these here, as it does not know the engine.
    file_type = staticmethod(announced)
    is_picture = staticmethod(is_picture)

    @cached_property
    def on_demand(self) -> OnDemand:
        """Renditions that are made when a client asks for them."""
        from chalicelib.delivery.on_demand import OnDemand, parse_presets

        return OnDemand(
            catalog=self.state.catalog,
            jobs=self.jobs,
            presets=parse_presets(self.settings.presets),
            wait=lambda task_id, patience: self.task_waiter.wait(task_id, self.clock.now() + patience).task,
            patience=timedelta(seconds=self.settings.on_demand_wait_seconds),
        )


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
