"""How many functions run at once on the local cloud: what the machine's cores and memory allow.

On AWS the account decides (1,000 at once by default). Each function is a process of its own here, so that a burst
without a limit would fill the memory and answer nobody in time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

PER_CORE = 4
"""Requests of one kind for each core: most of their time they wait for the emulator or for a worker."""
FEWEST = 8
"""As many clients at once are served on the smallest machine."""
FUNCTION_BYTES = 100_000_000
"""Memory of one function's process; 65 to 100 MB were measured."""
SHARE = 8
"""Requests of one kind may fill an eighth of the memory."""
KINDS = 2
"""Of requests: those that may wait for a worker, and all others."""
FEWEST_WORKERS, MOST_WORKERS = 2, 4
"""Of each queue: the fewest that AWS can be told, and the default of WALLIFY_CONCURRENCY."""
QUEUES = 3
OTHERS = 5
"""The scheduled functions and `migrate`."""


@dataclass(frozen=True)
class Capacity:
    """Functions at once."""

    requests: int
    """API requests of each kind."""
    workers: int
    """Workers of each queue, in room of their own: requests cannot take it."""

    @classmethod
    def of_machine(cls) -> Capacity:
        """What this machine has room for."""
        return cls.of(_cores(), _memory())

    @classmethod
    def of(cls, cores: int, memory: int) -> Capacity:
        """What a machine of so many cores and bytes of memory has room for."""
        requests = min(PER_CORE * cores, memory // SHARE // FUNCTION_BYTES)
        return cls(max(FEWEST, requests), min(MOST_WORKERS, max(FEWEST_WORKERS, cores)))

    @property
    def api(self) -> int:
        """Processes of the API's function."""
        return KINDS * self.requests

    def account(self, variables: Mapping[str, str]) -> int:
        """All functions together; `variables` are the stage's, which may set WALLIFY_CONCURRENCY."""
        told = variables.get("WALLIFY_CONCURRENCY", "")
        return self.api + QUEUES * (int(told) if told.isdecimal() else self.workers) + OTHERS

    def for_functions(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The stage's variables, with the number of workers unless they set it themselves."""
        return {"WALLIFY_CONCURRENCY": str(self.workers), **variables}


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
