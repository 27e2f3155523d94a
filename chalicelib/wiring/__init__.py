"""The one room that builds things: settings in, services out."""

from __future__ import annotations

from chalicelib.settings import load
from chalicelib.wiring.wired import Wired

__all__ = ["Wired", "use", "wired"]

_process: list[Wired] = []


def wired() -> Wired:
    """The services of this process, built from the environment when first asked for."""
    if not _process:
        _process.append(Wired(load()))
    return _process[0]


def use(other: Wired | None) -> None:
    """Put another set of services in place (tests); None forgets it, so that the next caller builds anew."""
    _process[:] = [other] if other else []
