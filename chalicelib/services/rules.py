"""How patient and how long-lived tasks are: plain numbers from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class TaskRules:
    """The numbers behind every task."""

    lease: timedelta = timedelta(seconds=120)
    """How long one run may hold a task; longer than a function may run."""
    max_attempts: int = 5
    keep: timedelta = timedelta(days=30)
    """How long the history remembers a task that ended well or was revoked."""
    keep_failed: timedelta = timedelta(days=90)
    backoff: timedelta = timedelta(seconds=2)
    """Longest wait before the second attempt; doubles with each further one."""
    backoff_cap: timedelta = timedelta(minutes=5)

    def wait_after(self, attempts: int, luck: float) -> timedelta:
        """How long to wait before the next attempt; `luck` in 0..1 spreads the crowd.

        Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        """
        doubled = min(max(attempts - 1, 0), 20)  # the cap is reached long before
        longest = min(self.backoff_cap, self.backoff * (1 << doubled))
        return max(longest * luck, timedelta(seconds=1))
