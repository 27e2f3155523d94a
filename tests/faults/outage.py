"""The whole state store gone for a while, whichever it is: no call of any of its stores is answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from chalicelib.container.adapters import State
from chalicelib.errors import Unavailable
from tests.maintenance_world import MaintenanceWorld
from tests.memory_queue import Message

_SILENT = "The table does not answer; try again shortly."


@dataclass
class Outage:
    """A state as it is, except while it is `down`."""

    state: State
    down: bool = False
    refused: list[str] = field(default_factory=list)
    """Calls that were not answered, by their names."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # stands for each store in turn
        return _Silenced(self, getattr(self.state, name))


@dataclass(frozen=True)
class _Silenced:
    outage: Outage
    store: Any

    def __getattr__(self, name: str) -> Callable[..., Any]:
        verb = getattr(self.store, name)

        @wraps(verb)
        def asked(*given: Any, **named: Any) -> Any:  # noqa: ANN401  # whatever the store takes and answers
            if self.outage.down:
                self.outage.refused.append(name)
                raise Unavailable(_SILENT)
            return verb(*given, **named)

        return asked


class OutageWorld(MaintenanceWorld):
    """World of the scheduled jobs with a state store that can become unavailable."""

    def __init__(self, state: State) -> None:
        self.outage = Outage(state)
        super().__init__(self.outage)

    def _is_long(self, message: Message) -> bool:
        down, self.outage.down = self.outage.down, False
        try:
            return super()._is_long(message)
        finally:
            self.outage.down = down
