"""Time that moves when somebody moves it, and calls to a world that may refuse them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock

from bench.soak.faults import LOST, REFUSED, FaultInjector
from chalicelib.errors import Unavailable


@contextmanager
def called(faults: FaultInjector) -> Iterator[None]:
    """A call to the world outside: refused before it is done, lost after it is, or neither."""
    fault = faults.calls()
    if fault == REFUSED:
        raise Unavailable
    yield
    if fault == LOST:
        raise Unavailable


class SoakClock:
    """See `chalicelib.ports.Clock`; it moves when somebody moves it."""

    def __init__(self) -> None:
        self._at, self._lock = datetime(2026, 3, 4, 12, tzinfo=UTC), Lock()

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self._at

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        self.move(timedelta(seconds=seconds))

    def move(self, by: timedelta) -> datetime:
        """Later by so much; the time it is then."""
        with self._lock:
            self._at += by
            return self._at
