"""How many workers fit an account's quota of concurrent executions in a region: pure functions, no AWS calls."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.settings import Settings
from infra.stage import VISIBILITY_OF, Config

QUEUES = len(VISIBILITY_OF)
UNRESERVED = 100
"""Executions that Lambda keeps for functions without a reservation; it refuses to reserve them."""
LEAST_WORKERS = 2
"""AWS's minimum for `MaximumConcurrency` of an event source."""
SHARE_OF_API = 5
"""The API and the schedules keep at least a fifth of the account."""


@dataclass(frozen=True)
class Capacity:
    """What a quota allows."""

    workers: int
    """Largest WALLIFY_CONCURRENCY: workers of each queue; never below AWS's minimum."""
    fits: bool
    """Whether that many leave room for the API."""

    def can_reserve(self, quota: int, wanted: int) -> bool:
        """Return whether every worker function can reserve `wanted` executions, so that the API cannot use them."""
        return wanted <= self.workers and quota - QUEUES * wanted >= UNRESERVED


def capacity(quota: int) -> Capacity:
    """Return what an account with this quota has room for."""
    workers = (quota - quota // SHARE_OF_API) // QUEUES
    return Capacity(max(workers, LEAST_WORKERS), fits=workers >= LEAST_WORKERS)


def most_workers(config: Config) -> int:
    """Return the largest WALLIFY_CONCURRENCY of any stage; values that are not numbers are left out."""
    everywhere = config.get("environment_variables", {})
    chosen = [everywhere | stage.get("environment_variables", {}) for stage in config["stages"].values()]
    wanted = [str(one.get("WALLIFY_CONCURRENCY", Settings().concurrency)) for one in chosen]
    return max((int(one) for one in wanted if one.isdecimal()), default=Settings().concurrency)
