"""Lease time, attempts, retention and retry delays of tasks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class TaskPolicy:
    """Lease time, attempts, retention and retry delays of tasks."""

    lease: timedelta = timedelta(seconds=120)
    """Duration of a lease; longer than a function may run."""
    max_attempts: int = 5
    keep: timedelta = timedelta(days=30)
    """Retention of a task that ended as SUCCESS or REVOKED."""
    keep_failed: timedelta = timedelta(days=90)
    backoff: timedelta = timedelta(seconds=2)
    """Longest delay before the second attempt; it doubles with each further one."""
    backoff_cap: timedelta = timedelta(minutes=5)

    def wait_after(self, attempts: int, jitter: float) -> timedelta:
        """Return the delay before the next attempt, at least a second; `jitter` in 0..1 spreads attempts over time.

        Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        """
        doubled = min(max(attempts - 1, 0), 20)  # the cap is reached long before
        longest = min(self.backoff_cap, self.backoff * (1 << doubled))
        return max(longest * jitter, timedelta(seconds=1))
