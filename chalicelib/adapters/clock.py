"""The time of day and fresh ids, from the machine."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        time.sleep(seconds)


@dataclass(frozen=True)
class FrozenClock(SystemClock):
    """Clock that stands still, for tests of what happens a day later."""

    moment: datetime

    def now(self) -> datetime:
        """Return always the same time."""
        return self.moment


def new_id() -> str:
    """A random id."""
    return str(uuid.uuid4())
