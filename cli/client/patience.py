"""When to ask again, and how long to wait before."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cli.client.errors import ApiError

TOO_MANY = 429
"""Refused before anything was done, so whatever it was may be repeated."""
PASSING = frozenset({0, 502, 503, 504})
"""No answer, or one that says that a part of the system is away: to be repeated where twice is the same as once."""


@dataclass(frozen=True)
class Patience:
    """How often and how patiently to ask; waits are in seconds."""

    tries: int = 5
    first_wait: float = 0.4
    longest_wait: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    luck: Callable[[], float] = random.random

    def waits(self) -> Iterator[float]:
        """Doubling waits, each spread over its upper half so that many clients do not come back at once."""
        for turn in range(self.tries - 1):
            yield self.first_wait * 2**turn * (1 + self.luck()) / 2

    def rest(self, planned: float, error: ApiError) -> None:
        """Wait as planned, or as long as the API asked for."""
        self.sleep(min(max(planned, error.retry_after or 0), self.longest_wait))


def may_pass(error: ApiError, *, repeatable: bool) -> bool:
    """True when the same request may succeed later, and sending it again does no harm."""
    return error.status == TOO_MANY or (repeatable and error.status in PASSING)
