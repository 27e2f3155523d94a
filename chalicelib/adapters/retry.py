"""Retry policy of calls to databases: a bounded number of attempts with growing random pauses."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TypeVar

from chalicelib.errors import Misconfigured, TooManyRequests, Unavailable, WallifyError

T = TypeVar("T")

ATTEMPTS: Mapping[type[WallifyError], int] = {TooManyRequests: 10, Unavailable: 3}
"""Attempts by error. A busy service is free again in milliseconds; one that is silent has cost its timeouts already."""


def call_with_retries(call: Callable[[], T], *, sleep: Callable[[float], None]) -> T:
    """Return what the call returns; raise its TooManyRequests or Unavailable after the last attempt."""
    attempt = 1
    while True:
        try:
            return call()
        except Misconfigured:
            raise
        except (TooManyRequests, Unavailable) as e:
            if attempt >= ATTEMPTS[type(e)]:
                raise
        sleep(_pause(attempt))
        attempt += 1


def _pause(attempt: int) -> float:
    # Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    return random.uniform(0, min(1.0, 0.02 * 2**attempt))  # noqa: S311  # spreads load, guards nothing
