"""The time of day and fresh ids, from the machine."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """This moment."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Come back after that long."""
        time.sleep(seconds)


@dataclass(frozen=True)
class FrozenClock(SystemClock):
    """A clock that stands; for tests of what happens a day later."""

    moment: datetime

    def now(self) -> datetime:
        """Always the same moment."""
        return self.moment


def new_id() -> str:
    """A random id."""
    return str(uuid.uuid4())
