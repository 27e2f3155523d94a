"""Faults that a test orders for a moment to come."""

from __future__ import annotations

from chalicelib.errors import Unavailable


class Trouble:
    """Faults to come, by the moment they come at ("before put", "after put"); each comes once, in this order."""

    def __init__(self) -> None:
        self._coming: dict[str, list[BaseException | None]] = {}

    def at(self, moment: str, *faults: BaseException | None) -> None:
        """Raise these, one at each time that this moment comes; None lets one time pass."""
        self._coming.setdefault(moment, []).extend(faults)

    def comes(self, moment: str) -> None:
        """This is the moment."""
        coming = self._coming.get(moment)
        fault = coming.pop(0) if coming else None
        if fault is not None:
            raise fault


def unavailable(times: int = 1) -> list[Unavailable]:
    """So many transient faults."""
    return [Unavailable() for _ in range(times)]
