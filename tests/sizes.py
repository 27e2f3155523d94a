"""How large the largest tests are."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

MANY = 10_000


def many_for(store: str) -> int:
    """How many tasks a test of masses has: two thousand in memory, two hundred on stores that take minutes for more.

    WALLIFY_MANY names another number for those, in twenties; a nightly run takes 10000, and all in memory.
    """
    return share_of(MANY, store)


def share_of(most: int, store: str) -> int:
    """The same, for a test of at most so many tasks, down to a hundred."""
    if store == "memory":
        return at_night(most, else_take=most // 5)
    return max(int(os.environ.get("WALLIFY_MANY", "200")) * most // MANY, 100)


def at_night(most: int, *, else_take: int) -> int:
    """The first number in a run that WALLIFY_MANY makes long, else the second."""
    return most if "WALLIFY_MANY" in os.environ else else_take


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
