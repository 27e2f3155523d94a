"""How large the largest tests are."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

MANY = 10_000


def many_for(store: str) -> int:
    """How many tasks a test of masses has: all in memory, few on stores that take minutes for them.

    WALLIFY_MANY names another number for those, in twenties; a nightly run takes 10000.
    """
    return share_of(MANY, store)


def share_of(most: int, store: str) -> int:
    """The same, for a test of at most so many tasks, down to a hundred."""
    return most if store == "memory" else max(int(os.environ.get("WALLIFY_MANY", "600")) * most // MANY, 100)


def machine(examples: int, steps: int) -> settings:
    """So many examples of so many steps for a state machine, whatever time they take.

    The suite has a share of them; WALLIFY_MACHINE_EXAMPLES and WALLIFY_MACHINE_STEPS name more, for a night.
    """
    return settings(
        max_examples=int(os.environ.get("WALLIFY_MACHINE_EXAMPLES", examples)),
        stateful_step_count=int(os.environ.get("WALLIFY_MACHINE_STEPS", steps)),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
